"""Times of records are what Python's own datetime and exact arithmetic say."""

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats.times import of_number, time_of

MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2115, 1, 1))  # noqa: DTZ001 - the offset is drawn apart
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(MOMENTS, OFFSETS, st.sampled_from("Tt "), st.sampled_from(".,"), st.booleans())
def test_rfc_3339_is_read_with_any_offset(moment, offset, middle, point, colon):
    moment = moment.replace(tzinfo=offset)
    expected = (moment - EPOCH) // timedelta(microseconds=1) * 1000
    zone = moment.strftime("%z")
    zone = f"{zone[:3]}:{zone[3:]}" if colon else zone
    text = moment.strftime(f"%Y-%m-%d{middle}%H:%M:%S{point}%f") + zone
    assert time_of(text) == (expected if expected >= 0 else None)


@given(st.integers(0, 10**30 - 1), st.integers(1, 30))
def test_digits_beyond_nanoseconds_are_cut_off(fraction, places):
    written = str(fraction).rjust(places, "0")[:places]
    expected = int(Fraction(int(written) * 10**9, 10 ** len(written)))
    assert time_of(f"1970-01-01T00:00:00.{written}Z") == expected
    assert time_of(f"1.{written}") == 10**9 + expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T10:00:00", 1_772_359_200 * 10**9),  # no offset is UTC
        ("2016-12-31T23:59:60Z", 1_483_228_800 * 10**9),  # a leap second
        ("1772359200", 1_772_359_200 * 10**9),
        ("1772359200123", 1_772_359_200_123 * 10**6),
        ("1772359200123456", 1_772_359_200_123_456 * 10**3),
        ("1772359200123456789", 1_772_359_200_123_456_789),
        ("1772359200.123456789", 1_772_359_200_123_456_789),
        ("1772359200.9999999999999999999999", 1_772_359_200_999_999_999),
        ("1.772359200e9", 1_772_359_200 * 10**9),
        ("0", 0),
        ("9223372036854775808", None),  # beyond any year that pandas has
        ("1969-12-31T23:59:59Z", None),
        ("2026-02-29T00:00:00Z", None),
        ("2026-01-01T00:00:00+10:60", None),
        ("2026-01-01T00:00:00+24:00", None),
        ("2026-01-01", None),
        ("-1", None),
        ("1e99", None),
        ("٢", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_number_is_of_the_unit_that_its_size_tells_and_nonsense_is_none(text, expected):
    assert time_of(text) == expected


def test_what_is_no_number_is_no_time():
    assert of_number("x") is None
    assert of_number("-1") is None
