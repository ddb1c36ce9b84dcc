"""What is told of flows as a whole is the sum of what is told of their parts."""

from dataclasses import asdict

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from collectors.flow_facts import FlowFacts, facts_of
from collectors.flows import Flows, conform_flows, empty_flows

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "source": st.sampled_from(["a", "b", None]),
            "packets": st.sampled_from([1, 7, None]),
            "reply_packets": st.sampled_from([0, 2, None]),
            "sampled": st.sampled_from([1.0, 0.5, 0.01, None]),
        }
    ),
    max_size=8,
)


def _flows(rows):
    return conform_flows(pd.DataFrame(rows)) if rows else empty_flows()


@given(ROWS, st.integers(0, 8))
def test_facts_of_two_parts_add_up_to_those_of_both(rows, at):
    whole = _flows(rows)
    parts = facts_of(Flows(whole.iloc[:at])) + facts_of(Flows(whole.iloc[at:]))
    assert parts == facts_of(whole)
    assert list(parts.packets) == sorted(parts.packets)


def test_packets_both_ways_and_the_least_share_are_told_of_each_source():
    found = facts_of(
        _flows(
            [
                {"source": "a", "packets": 3, "reply_packets": 2, "sampled": 0.5},
                {"source": "a", "packets": 1, "reply_packets": None, "sampled": 0.25},
                {"source": "b", "packets": None, "reply_packets": None, "sampled": 1.0},
                {"source": None, "packets": 4, "reply_packets": None, "sampled": None},
            ]
        )
    )
    assert asdict(found) == {"rows": 4, "connections": 0, "packets": {"": 4, "a": 6, "b": 0}, "sampled": {"a": 0.25}}


def test_of_no_flows_nothing_is_told():
    assert facts_of(empty_flows()) == FlowFacts()
