"""Names are summed like flows: associative, independent of order, nothing lost."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import SchemaMismatch
from collectors.names import NAME_KINDS, NAMES, compact_names, concat_names, conform_names, empty_names
from collectors.observation import Observation, merge

TIMES = st.one_of(st.none(), st.integers(0, 200).map(lambda second: pd.Timestamp(second, unit="s", tz="UTC")))
ROW = st.fixed_dictionaries(
    {
        "first_seen": TIMES,
        "address": st.sampled_from(["203.0.113.1", "203.0.113.2", "2001:db8::1"]),
        "name": st.sampled_from(["a.example", "b.example"]),
        "kind": st.sampled_from(NAME_KINDS),
        "count": st.one_of(st.none(), st.integers(0, 5)),
        "source": st.sampled_from([None, "x", "y"]),
    }
)


def names_of(rows):
    frame = pd.DataFrame(rows)
    return conform_names(frame.assign(last_seen=frame["first_seen"])) if rows else empty_names()


FRAMES = st.lists(ROW, max_size=12).map(names_of)


def test_no_names_have_all_columns():
    for names in (empty_names(), conform_names(pd.DataFrame()), compact_names(empty_names()), concat_names([])):
        NAMES.check(names)
        assert names.empty


def test_words_outside_a_vocabulary_are_refused():
    with pytest.raises(SchemaMismatch, match="kind"):
        conform_names(pd.DataFrame({"kind": ["guess"]}))


@given(FRAMES, FRAMES, FRAMES)
def test_compact_is_associative_and_independent_of_order(a, b, c):
    once = compact_names(concat_names([a, b, c]))
    left = compact_names(concat_names([compact_names(concat_names([a, b])), compact_names(c)]))
    other = compact_names(concat_names([c, compact_names(concat_names([b, a]))]))
    pd.testing.assert_frame_equal(once, left)
    pd.testing.assert_frame_equal(once, other)


@given(FRAMES)
def test_compact_conserves_counts_and_times_and_keeps_the_schema(names):
    total = compact_names(names)
    NAMES.check(total)
    assert not total.duplicated(["address", "name", "kind", "source"]).any()
    assert total["count"].sum() == names["count"].sum()
    assert total["count"].isna().all() == names["count"].isna().all()
    if not names.empty:
        assert str(total["first_seen"].min()) == str(names["first_seen"].min())
        assert str(total["last_seen"].max()) == str(names["last_seen"].max())


def test_compact_sorts_by_address_name_kind_and_source():
    rows = [
        {"address": "203.0.113.9", "name": name, "kind": "sni", "source": "x", "count": 1}
        for name in ("b.example", "a.example", "b.example")
    ]
    total = compact_names(conform_names(pd.DataFrame(rows)))
    assert list(total["name"]) == ["a.example", "b.example"]
    assert list(total["count"]) == [1, 2]


@given(FRAMES, FRAMES)
def test_merged_observations_hold_the_names_of_both(a, b):
    merged = merge([Observation(names=a), Observation(names=b)])
    pd.testing.assert_frame_equal(merged.names, compact_names(concat_names([a, b])))
    assert merge([]).names.empty
