"""Maps, curves, bars and gates: what they draw, and what they refuse."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from attncourse import plotting as plot
from attncourse.plotting.style import WEIGHTS, tint


def lightness(rgb):
    """CIELAB lightness of colours in sRGB."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)


def test_lightness_of_weights_falls_evenly_from_white():
    shares = np.linspace(0, 1, 101)
    light = lightness(WEIGHTS(shares)[:, :3])
    assert light[0] == pytest.approx(100)
    np.testing.assert_allclose(light, np.interp(shares, [0, 1], light[[0, -1]]), atol=1)


def test_tint_mixes_with_white():
    assert tint("blue", 1) == pytest.approx(to_rgb(plot.COLOURS["blue"]))
    assert tint("#000000", 0.25) == (0.75, 0.75, 0.75)


def test_alignment_takes_a_tensor_that_needs_gradients_in_half_precision():
    weights = torch.tensor([[0.25, 0.75, 0]], dtype=torch.bfloat16, requires_grad=True)
    ax = plot.alignment(weights, "a c", "x")
    np.testing.assert_array_equal(ax.images[0].get_array(), [[0.25, 0.75, 0]])
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["a", "␣", "c"]


def test_alignment_names_the_expected_shape():
    with pytest.raises(ValueError, match=r"\(T, S\) = \(3, 2\), a row for each.*got \(2, 3\)"):
        plot.alignment(torch.ones(2, 3), "ab", "xyz")


@pytest.mark.parametrize(
    ("values", "signed", "expected"),
    [
        ([[0.25, 0.5]], False, (0, 0.5)),
        ([[-0.25, 0.5]], False, (-0.25, 0.5)),
        ([[-2, 0.5]], True, (-2, 2)),
        ([[0, 0]], False, (0, 1)),
    ],
)
def test_limits_of_a_map(values, signed, expected):
    assert plot.heatmap(values, signed=signed).images[0].get_clim() == expected


def test_small_maps_have_their_numbers_written():
    assert [text.get_text() for text in plot.heatmap([[0.123, 2]]).texts] == ["0.12", "2"]
    assert not plot.heatmap(torch.zeros(8, 8)).texts
    assert not plot.heatmap([[0.123, 2]], written=False).texts


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": [1, 2]}, r"must be a matrix .* got shape \(2,\)"),
        ({"values": [[]]}, "must be a matrix"),
        ({"values": [[1, 2]], "columns": ["a"]}, "columns must be 2 labels .* got 1"),
        ({"values": [[1, 2]], "rows": ["a", "b"]}, "rows must be 1 labels .* got 2"),
    ],
)
def test_heatmap_refuses_what_does_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot.heatmap(**arguments)


def test_curves_draw_the_mean_in_a_band_from_least_to_most():
    seeds = torch.tensor([[1.0, 2.0], [3.0, 4.0], [2.0, 9.0]])
    ax = plot.curves([10, 20], {"several": seeds, "one": [0, 1]})
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [2, 5])
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), [0, 1])
    (band,) = ax.collections
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices}
    assert {(10, 1), (10, 3), (20, 2), (20, 9)} <= corners


def test_curves_refuse_other_lengths_and_too_many_lines():
    with pytest.raises(ValueError, match=r"'a' must have shape .* N = 3 positions, got \(2,\)"):
        plot.curves([1, 2, 3], {"a": [1, 2]})
    with pytest.raises(ValueError, match="from 1 to 8 lines"):
        plot.curves([1], {str(name): [1] for name in range(9)})


def test_bars_show_mean_and_seeds():
    ax = plot.bars({"with": [1.0, 3.0], "without": 0.5}, xlabel="accuracy")
    assert [bar.get_width() for bar in ax.patches] == [2, 0.5]
    assert [text.get_text() for text in ax.texts] == ["mean 2", "0.5"]
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [1, 3])


@pytest.mark.parametrize(("guess", "shown"), [(None, (0, 1)), (1.5, (0, 1.5)), (-0.5, (-0.5, 1))])
def test_limits_of_bars_make_room_for_a_guess(guess, shown):
    assert plot.bars({"SE": 0.5}, xlabel="share", limits=(0, 1), guess=guess).get_xlim() == shown


def test_losses_are_smoothed_over_what_they_were():
    raw = np.array([4.0, 2.0, 3.0, 1.0])
    smooth, pale = plot.losses({"additive": [raw, raw + 2]}).lines
    np.testing.assert_array_equal(pale.get_ydata(), raw + 1)
    np.testing.assert_allclose(smooth.get_ydata(), [4, 4, 3, 3])
    assert smooth.get_color() == pale.get_color()


def test_a_power_law_is_a_line_on_logarithmic_axes_with_its_power_in_the_legend():
    sizes = np.array([1, 2, 4.0])
    ax = plot.power_law(sizes, {"square": 3 * sizes**2, "linear": sizes}, guess={"linear": 2})
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    square, linear, guessed = ax.lines
    assert (square.get_label(), linear.get_label()) == ("square: power 2.0", "linear: power 1.0")
    np.testing.assert_allclose(guessed.get_ydata(), sizes**2)
    with pytest.raises(ValueError, match="positive numbers, at two different sizes"):
        plot.power_law([1, 2], {"a": [0, 1]})
    with pytest.raises(ValueError, match="positive numbers, at two different sizes"):
        plot.power_law([2, 2], {"a": [1, 1]})


def test_names_of_dots_stand_on_no_dot_and_on_no_other_name():
    points = {f"gate {n}": (1 + n % 3 / 50, 0.9 + n / 400) for n in range(7)}
    ax = plot.scatter(points)
    figure = ax.figure.get_figure(root=True)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    dots = ax.transData.transform(list(points.values()))
    for n, box in enumerate(boxes):
        assert not any(box.contains(*dot) for dot in dots)
        assert not any(box.overlaps(other) for other in boxes[n + 1 :])


def test_a_scattered_point_is_a_pair():
    with pytest.raises(ValueError, match=r"'SE' must have a place \(x, y\), got shape \(3,\)"):
        plot.scatter({"SE": (1, 2, 3)})


def test_gates_refuse_what_is_no_gate():
    plot.gates({"red": [0, 0.5, 1], "blue": torch.rand(4, 3)})
    with pytest.raises(ValueError, match=r"gates must lie in \[0, 1\], those of 'red' do not"):
        plot.gates({"red": [0, 0.5, 1.1]})
    with pytest.raises(ValueError, match=r"the same channels, got \{'red': 1, 'blue': 2\}"):
        plot.gates({"red": [0.5], "blue": [0.5, 0.5]})


def test_panels_are_axes_of_one_figure_row_by_row():
    axes = plot.panels(3, 2)
    assert len(axes) == 6
    assert len({id(ax.figure) for ax in axes}) == 1
    assert axes[3].get_position().y0 < axes[2].get_position().y0


def test_a_channel_of_light_is_drawn_in_its_light():
    shown = plot.picture([[0.0, 1.0]], colour="red").images[0]
    black, red = shown.to_rgba(shown.get_array())[0, :, :3]
    np.testing.assert_array_equal(black, [0, 0, 0])
    assert red[0] > 0.9 > 0.3 > max(red[1:])
    with pytest.raises(ValueError, match="colour must be one of red, green, blue"):
        plot.picture([[0.0, 1.0]], colour="pink")
    with pytest.raises(ValueError, match=r"shape \(H, W\) or \(3, H, W\), got \(2, 4, 4\)"):
        plot.picture(torch.zeros(2, 4, 4))


@pytest.mark.parametrize(
    "gate",
    [
        torch.tensor([1.0, 0.5, 0.0]),
        torch.tensor([1.0, 0.5, 0.0]).view(3, 1, 1),
        torch.tensor([[0.0, 1.0]]),
        torch.rand(3, 2, 2),
        torch.rand(4, 6),
    ],
)
def test_gating_shows_image_and_product(gate):
    image = torch.rand(3, 4, 6)
    before = plot.gating(image, gate)
    first, *_, last = [ax.images[0].get_array() for ax in before.figure.axes if ax.images]
    full = gate.view(3, 1, 1) if gate.numel() == 3 else gate
    full = full.repeat_interleave(4 // full.shape[-2], -2).repeat_interleave(
        6 // full.shape[-1], -1
    )
    np.testing.assert_allclose(first, image.permute(1, 2, 0))
    np.testing.assert_allclose(last, (image * full).permute(1, 2, 0), rtol=1e-6)


def test_gating_names_the_shapes_that_fit():
    with pytest.raises(ValueError, match=r"a number for each channel.*got \(2,\) for \(3, 4, 6\)"):
        plot.gating(torch.rand(3, 4, 6), torch.rand(2))
