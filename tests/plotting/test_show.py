"""Displaying: what a notebook is given, and that nothing else is written."""

import io
import json
import os
import subprocess
import sys
from base64 import b64decode

import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from attncourse import plotting as plot
from attncourse.plotting.show import Picture


def figure():
    return plot.alignment([[0.9, 0.1], [0.2, 0.8]], "ab", "xy", title="who looks where").figure


def bundle(alt="Each letter looks at its twin."):
    return Picture(figure(), alt)._repr_mimebundle_()


@pytest.mark.parametrize("alt", ["", "  \n "])
def test_alt_text_must_say_something(alt):
    with pytest.raises(ValueError, match="alt must say in words"):
        plot.show(figure(), alt=alt)


def test_alt_text_is_required_of_what_nothing_is_known():
    with pytest.raises(ValueError, match="nothing is known of it"):
        plot.show(Figure())
    with pytest.raises(ValueError, match="alt must say in words"):
        plot.show(plot.Sketch(4, 2))


def test_a_made_alternative_text_is_shown_and_not_compared():
    parts, metadata = Picture(figure(), None)._repr_mimebundle_()
    alt = metadata["text/html"]["alt"]
    assert alt.startswith("who looks where: Attention map; most looks, row by row: x at a (place 0")
    assert f'alt="{alt}"' in parts["text/html"]
    assert parts["text/plain"].startswith(alt)
    assert "alt" not in parts[plot.FIGURE_MIME]


def test_how_far_off_a_guess_was_stands_below_the_picture_and_in_its_words():
    ax = plot.bars({"SE": 0.5}, guess=0.75)
    parts, metadata = Picture(ax.figure, None)._repr_mimebundle_()
    verdict = "Your guess for SE was 0.75; found 0.5: 0.25 too high."
    assert parts["text/html"].endswith(f"<p>{verdict}</p>")
    assert metadata["text/html"]["alt"].endswith(verdict)
    literal, _ = Picture(ax.figure, "One bar.")._repr_mimebundle_()
    assert f'alt="One bar. {verdict}"' in literal["text/html"]
    assert literal[plot.FIGURE_MIME]["alt"] == "One bar."


def test_a_sketch_brings_its_own_alternative_text(capsys):
    plot.show(plot.Sketch(4, 2, alt="An empty sheet."))
    assert "An empty sheet." in capsys.readouterr().out


def test_bundle_holds_picture_words_and_data():
    parts, metadata = bundle('Weights < 1 & "sharp"')
    assert metadata == {"text/html": {"alt": 'Weights < 1 & "sharp"'}}
    html = parts["text/html"]
    assert html.startswith('<img alt="Weights &lt; 1 &amp; &quot;sharp&quot;" width="')
    image = Image.open(io.BytesIO(b64decode(html.split("base64,")[1].removesuffix('">'))))
    assert image.format == "PNG"
    assert f'width="{image.width // 2}"' in html
    assert parts["text/plain"] == 'Weights < 1 & "sharp"\n[who looks where: 1 map]'
    data = json.loads(json.dumps(parts[plot.FIGURE_MIME]))
    assert data["alt"] == 'Weights < 1 & "sharp"'
    assert data["axes"][0]["maps"] == [["0.9 0.1", "0.2 0.8"]]


def test_the_same_figure_gives_the_same_bytes():
    assert bundle() == bundle()


def test_a_script_prints_the_words(capsys):
    plot.show(figure(), alt="Each letter looks at its twin.")
    out, err = capsys.readouterr()
    assert out == "Each letter looks at its twin.\n[who looks where: 1 map]\n"
    assert err == ""


def test_axes_sketches_and_figures_of_pyplot_are_shown_and_closed(capsys):
    sketch = plot.Sketch(4, 2)
    sketch.arrow(sketch.box("query", (1, 1)), sketch.box("key", (3, 1)))
    drawn, ax = pyplot.subplots()
    plot.show(sketch, alt="An arrow from query to key.")
    plot.show(ax, alt="Empty axes.")
    assert not pyplot.fignum_exists(drawn.number)
    assert "An arrow from query to key." in capsys.readouterr().out


QUIET = """
from attncourse import plotting as plot
title = "注意力 \\U0001F9E0 \\uE000 ⲁ"
ax = plot.alignment([[1, 0]], ["注", "\\uE000"], ["\\U0001F9E0"], title=title)
plot.show(ax, alt=title)
"""


def test_nothing_is_written_to_stderr(tmp_path):
    """Letters that no font has, and a home that cannot be written: the traps of a fresh machine."""
    (tmp_path / "file").touch()
    environment = os.environ | {"MPLCONFIGDIR": str(tmp_path / "file" / "no directory")}
    done = subprocess.run(
        [sys.executable, "-W", "always::UserWarning", "-c", QUIET],
        capture_output=True,
        text=True,
        env=environment | {"PYTHONIOENCODING": "utf-8"},
        check=True,
    )
    assert done.stderr == ""
    assert "1 map" in done.stdout


def test_plotting_needs_no_pyplot():
    """A figure of pyplot would be displayed once more by the notebook, and costs half a second."""
    code = "import sys, attncourse.plotting; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_saved_page_has_picture_and_alternative_text(caplog):
    data, metadata = bundle("Each letter looks at its twin.")
    output = new_output("display_data", data=data, metadata=metadata)
    notebook = new_notebook(cells=[new_code_cell("show()", outputs=[output])])
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert '<img alt="Each letter looks at its twin." ' in page
    assert "data:image/png;base64," in page
    assert not caplog.records  # nbconvert warns of images without alternative text
