from datetime import date

import pytest

from attncourse.data import dates


@pytest.fixture(scope="module")
def task():
    return dates.load(4_000)


def test_no_day_of_a_test_is_seen_in_training(task):
    trained, tested = ({target for _, target in pairs} for pairs in (task.train, task.test))
    assert not trained & tested
    assert len(task.train) == 3_600
    assert len(task.test) == 400


def test_a_source_names_its_year_and_a_target_is_a_day(task):
    for source, target in (*task.train, *task.test):
        assert str(date.fromisoformat(target).year) in source


def test_sources_are_lower_case_without_invisible_marks_or_double_spaces(task):
    for source, _ in task.train:
        assert source == source.lower() == " ".join(source.split())
        assert not set(source) & {"\u200e", "\u200f", "\u00a0", "\u202f"}


def test_a_seed_fixes_the_task(task):
    assert dates.load(4_000) == task
    assert dates.load(4_000, seed=1).train != task.train


def test_tests_hold_no_unknown_character_but_the_rarest():
    task = dates.load()
    unknown = sum(task.source.unk in task.source.encode(source) for source, _ in task.test)
    assert unknown <= len(task.test) / 100


def test_a_day_is_written_as_in_its_language():
    day = date(1998, 3, 3)
    assert dates.write(day, "fr", "full") == "mardi 3 mars 1998"
    assert dates.write(day, "ja", "long") == "1998年3月3日"
    assert dates.write(day, "en_US", "full") == "tuesday, march 3, 1998"


def test_locales_and_formats_are_those_asked_for():
    task = dates.load(200, locales=["hu"], formats=["long"])
    expected = {dates.write(date.fromisoformat(iso), "hu", "long"): iso for _, iso in task.train}
    assert dict(task.train) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"locales": ["fr", "xx_YY"]}, "locale 'xx_YY' is not in Babel's CLDR data"),
        ({"locales": ["not a locale"]}, "locale 'not a locale' is not in Babel's CLDR data"),
        ({"formats": ["wide"]}, r"formats must be among .* got \['wide'\]"),
        ({"locales": ["en_US"], "formats": ["short"]}, "writes the full year"),
        ({"pairs": 9}, "pairs must be at least 100, got 9"),
    ],
)
def test_what_cannot_be_loaded_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        dates.load(**options)
