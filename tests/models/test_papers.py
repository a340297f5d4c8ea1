import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from attncourse.models.papers import ROWS, table
from attncourse.models.published import Row, printed_like


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}, {row.source}")
def test_ours_equals_the_published_digits_or_says_why_not(row):
    assert row.agrees == (row.reason == ""), (row.our_parameters, row.our_macs)


@pytest.mark.parametrize(
    "published",
    [{"parameters": "11.70M"}, {"macs": "1.815G"}, {"parameters": "11.69M", "macs": "1.82G"}],
)
def test_a_digit_off_is_a_difference(published):
    # ResNet-18 has 11,689,512 parameters and costs 1,814,073,344 multiply-adds.
    right = Row("ResNet-18", "resnet18", "counted by hand", "11.69M", "1.814G")
    wrong = Row("ResNet-18", "resnet18", "misread", **published, reason="misread")
    assert right.agrees
    assert right.verdict == "equal"
    assert not wrong.agrees
    assert wrong.verdict == "misread"


def test_nothing_published_is_no_agreement():
    assert Row("ResNet-18", "resnet18", "nowhere").verdict == "no figures published"


@given(digits=st.integers(1, 99_999), decimals=st.integers(0, 4), unit=st.sampled_from("MG"))
def test_a_figure_is_printed_like_itself(digits, decimals, unit):
    published = f"{digits / 10**decimals:.{decimals}f}{unit}"
    number = digits * {"M": 10**6, "G": 10**9}[unit] / 10**decimals
    assert printed_like(published, number) == published


def test_binary_units_and_missing_numbers():
    assert printed_like("1.00Mi", 2**20) == "1.00Mi"
    assert printed_like("1.0Gi", 3 * 2**29) == "1.5Gi"
    assert printed_like("1.0G", None) == "–"


@pytest.mark.parametrize("published", ["25.6", "about 25M", "25,6M", "25k"])
def test_a_figure_needs_a_number_and_a_unit(published):
    with pytest.raises(ValueError, match="Mi or Gi"):
        printed_like(published, 1)


def test_the_table_shows_every_row():
    console = Console(width=400, record=True)
    console.print(table())
    lines = [line for line in console.export_text().splitlines() if "│" in line]
    assert [line.split("│")[1].strip() for line in lines] == [row.name for row in ROWS]
    assert all(row.verdict in line for row, line in zip(ROWS, lines, strict=True))
