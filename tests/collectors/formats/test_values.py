"""Every value is read as its kind, the same from JSON and from text, and what is no such thing is missing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats.columns import Kind
from collectors.formats.values import json_value, read_text, read_value

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_raw_is_the_shortest_json_of_a_value(value):
    raw = read_value(json_value(json.dumps(value)), Kind.RAW)
    assert raw == (None if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False))


def test_fractions_keep_their_digits():
    assert read_value(json_value('{"a":[1.10,1e5,"1.10"]}'), Kind.RAW) == '{"a":[1.10,1e5,"1.10"]}'
    assert read_value(json_value("1772359200.123456789"), Kind.TIME) == 1_772_359_200_123_456_789
    assert read_value(json_value("1.10"), Kind.TEXT) == "1.10"


@given(st.integers(-(2**64), 2**64))
def test_a_number_is_the_same_in_quotes(number):
    expected = number if -(2**63) <= number < 2**63 else None
    assert read_value(number, Kind.NUMBER) == expected
    assert read_value(str(number), Kind.NUMBER) == (expected if abs(number) < 10**19 else None)
    assert read_value(number, Kind.TEXT) == str(number)


@pytest.mark.parametrize(
    ("value", "text", "number", "time", "present"),
    [
        (None, None, None, None, False),
        ("", None, None, None, True),
        ("-", None, None, None, True),
        (True, "true", None, None, True),
        ("1.9", "1.9", 1, 1_900_000_000, True),
        ("-1.9", "-1.9", -1, None, True),
        (-5, "-5", -5, None, True),
        ("007", "007", 7, 7 * 10**9, True),
        ("1e3", "1e3", None, 1000 * 10**9, True),
        ({}, None, None, None, True),
        ([1], None, None, None, True),
    ],
)
def test_values_are_read_as_their_kind(value, text, number, time, present):
    kinds = (Kind.TEXT, Kind.NUMBER, Kind.TIME, Kind.PRESENT)
    assert [read_value(value, kind) for kind in kinds] == [text, number, time, present]
    if isinstance(value, str):
        in_a_column = [read_text(value, kind) for kind in kinds]
        assert in_a_column == [text, number, time, text is not None]


def test_half_a_surrogate_pair_is_replaced():
    """It cannot be written as UTF-8, so that a hostile name would end a run much later."""
    for kind in (Kind.TEXT, Kind.RAW):
        text = read_value(json_value(r'"a\ud800b"'), kind)
        assert text.strip('"') == "a\ufffdb"
    assert read_value(json_value(r'"\ud83d\ude00"'), Kind.TEXT) == "\U0001f600"


def test_python_s_own_numbers_are_no_json():
    for text in ("NaN", "Infinity", "-Infinity"):
        with pytest.raises(ValueError, match="is no number"):
            json_value(text)
