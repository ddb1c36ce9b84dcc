"""Resolved flows condensed: fewer rows, the same communications, in whichever order the parts of them come."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from collectors.observation import ObservationWindow
from recommender.communications import summarize
from recommender.condense import concat_resolved, condensed, merge_condensed
from recommender.resolve import resolve
from recommender.vantages import once
from tests.cluster import deployment, flow, flows, inventory, pod, service, slices

CLUSTER = inventory(
    deployment("web", ["10.0.0.1", "10.0.0.2"]),
    pod("db", "10.0.0.9"),
    service("api", "10.96.0.1", 80),
    slices("api", 8080, [("10.0.0.1", "web-5d9c7b-0"), ("10.0.0.2", "web-5d9c7b-1")]),
)
COUNT = st.none() | st.integers(0, 9)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "src": st.sampled_from(["10.0.0.1", "10.0.0.2", "8.8.8.8", None]),
            "dst": st.sampled_from(["10.0.0.9", "10.0.0.2", "10.96.0.1", "203.0.113.1"]),
            "port": st.sampled_from([80, 53]),
            "protocol": st.sampled_from(["TCP", "UDP"]),
            "source": st.sampled_from(["a", "b"]),
            "outcome": st.sampled_from(["established", "established", "allowed", "refused", "unanswered", "unknown"]),
            "orientation": st.sampled_from(["handshake", "unknown"]),
            "src_pod": st.sampled_from([None, "web-5d9c7b-0", "who"]),
            "at": st.sampled_from([f"2026-11-01T11:{minute:02}:07Z" for minute in range(4)]),
            "sampled": st.sampled_from([1.0, 0.5, None]),
            **dict.fromkeys(("connections", "packets", "bytes"), COUNT),
        }
    ),
    max_size=12,
)


def _resolved(rows):
    return once(resolve(flows(*(flow(**row) for row in rows)), CLUSTER), ObservationWindow())


def _parts(resolved, many):
    """Deal the rows out, however they come, and condense each part."""
    return [condensed(resolved.iloc[at::many]) for at in range(many)]


def _same(one, other):
    """Say whether two frames have the same rows in some order."""
    plain = [frame.astype("object").map(str) for frame in (one, other)]
    first, second = (frame.sort_values(list(frame)).reset_index(drop=True) for frame in plain)
    return first.equals(second)


@given(ROWS)
def test_of_condensed_rows_follow_the_communications_of_all(rows):
    resolved = _resolved(rows)
    assert summarize(condensed(resolved)) == summarize(resolved)


@given(ROWS, st.integers(1, 4))
def test_of_parts_that_are_merged_follow_the_communications_of_all(rows, many):
    resolved = _resolved(rows)
    assert summarize(merge_condensed(_parts(resolved, many))) == summarize(resolved)


@given(ROWS, st.permutations(range(3)))
def test_the_merge_of_parts_is_associative_and_independent_of_their_order(rows, order):
    first, second, third = parts = _parts(_resolved(rows), 3)
    left = merge_condensed([merge_condensed([first, second]), third])
    right = merge_condensed([first, merge_condensed([second, third])])
    shuffled = merge_condensed([parts[at] for at in order])
    assert _same(left, right)
    assert _same(left, shuffled)
    assert summarize(left) == summarize(right) == summarize(shuffled)


def test_rows_that_differ_in_time_and_counters_only_become_one():
    rows = [flow("10.0.0.1", "10.0.0.9", 80, at=f"2026-11-01T11:0{minute}:07Z") for minute in range(5)]
    (row,) = condensed(resolve(flows(*rows), CLUSTER)).to_dict("records")
    assert row["connections"] == 5
    assert row["last_seen"] - row["first_seen"] >= pd.Timedelta(minutes=4)


def test_nothing_merged_is_no_communication():
    assert summarize(merge_condensed(())) == ()
    assert concat_resolved(()).empty


def test_texts_of_all_parts_stay_what_they_were():
    parts = [_resolved([dict(src="10.0.0.1", dst=dst, port=80)]) for dst in ("203.0.113.1", "10.0.0.9")]  # noqa: C408 - read as the row that it is
    assert list(concat_resolved(parts)["dst"]) == ["203.0.113.1", "10.0.0.9"]
