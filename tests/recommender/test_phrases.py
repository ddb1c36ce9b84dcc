"""Numbers and foreign text as a reader meets them in a sentence."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.phrases import bounded, duration, often, percent


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0 %"), (1, "100 %"), (0.1, "10 %"), (0.07, "7 %"), (0.01, "1 %"), (0.0121, "1.3 %"), (0.00401, "0.41 %")],
)
def test_shares_are_per_cent(share, said):
    assert percent(share) == said


@given(st.floats(1e-5, 1))
def test_a_bound_is_never_rounded_down(share):
    said = float(percent(share).removesuffix(" %")) / 100
    assert share * (1 - 1e-4) <= said <= share * 1.1 + 1e-5


@pytest.mark.parametrize(
    ("length", "said"),
    [("0s", "0 s"), ("59.9s", "59 s"), ("60s", "1 minute"), ("90s", "90 s"), ("2h", "2 hours"), ("25h", "25 hours"),
     ("1D", "1 day"), ("71h", "2 days")],
)  # fmt: skip
def test_lengths_of_time_are_in_their_own_unit_and_never_rounded_up(length, said):
    assert duration(pd.Timedelta(length)) == said


@pytest.mark.parametrize(
    ("gap", "said"),
    [("366D", "yearly"), ("92D", "quarterly"), ("31D", "monthly"), ("7D", "weekly"), ("1D", "daily"), ("1h", "hourly"),
     ("3D", "with gaps of up to 3 days"), ("5min", "with gaps of up to 5 minutes")],
)  # fmt: skip
def test_a_gap_says_how_often(gap, said):
    assert often(pd.Timedelta(gap)) == said


@given(st.text(max_size=300))
def test_foreign_text_is_bounded_and_shows_what_it_is(text):
    shown = bounded(text)
    assert len(shown) <= 121
    assert not set(shown) & set("\x1b\n\r\u202e\u2028")
