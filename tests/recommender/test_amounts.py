"""Times and sizes as users write them."""

import argparse

import pytest

from recommender.amounts import seconds, size


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("10m", 600), ("1h", 3600), ("2d", 172800), ("1.5h", 5400), (" 5s ", 5)]
)
def test_a_time_is_a_number_and_its_unit(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("1", 1), ("500M", 500 << 20), ("2G", 2 << 30), ("2GiB", 2 << 30), ("1.5K", 1536)]
)
def test_a_size_is_a_number_and_its_unit(text, expected):
    assert size(text) == expected


@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "0s", "1w", "1e3s", "١s", "9" * 12 + "s"])
def test_anything_else_is_no_time(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is no time: write 90s"):
        seconds(text)


@pytest.mark.parametrize("text", ["", "G", "-1", "0", "2P", "1e3", "٢G", "9" * 12 + "T"])
def test_anything_else_is_no_size(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is no size: write 500M"):
        size(text)
