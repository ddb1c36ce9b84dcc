"""A frame has a row for each result and always all its columns, of their dtypes."""

import pytest

from recommender import frames
from recommender.coverage_model import Coverage
from recommender.review import Reviewed
from recommender.suggest import Suggestions
from tests.recommender.coverages import covered, edge, inventory
from tests.recommender.shown import HOSTILE, communication, outcome, policy, reviewed, suggestions

MADE = [
    (frames.COMMUNICATIONS, frames.communications_frame, (), (communication(),)),
    (frames.SUGGESTIONS, frames.suggestions_frame, Suggestions(), suggestions()),
    (frames.SUGGESTIONS, frames.suggestions_frame, Reviewed(Suggestions()), reviewed()),
    (frames.WITHHELD, frames.withheld_frame, Suggestions(), suggestions()),
    (frames.OUTCOMES, frames.outcomes_frame, (), (outcome(),)),
    (frames.POLICIES, frames.policies_frame, (), (policy(),)),
]


@pytest.mark.parametrize(("schema", "make", "nothing", "something"), MADE)
def test_a_frame_has_its_columns_and_dtypes_with_rows_and_without(schema, make, nothing, something):
    schema.check(make(nothing))
    schema.check(make(something))
    assert make(nothing).empty
    assert not make(something).empty


def test_a_coverage_has_a_row_for_each_workload():
    found = covered([edge("web", "api")], inventory("web", "api"))
    frame = frames.coverage_frame(found)
    frames.COVERAGE.check(frame)
    frames.COVERAGE.check(frames.coverage_frame(Coverage(found.seen)))
    assert list(frame["workload"]) == [str(entry.workload) for entry in found.workloads]
    assert list(frame["edges"]) == [entry.seen.unseen.edges for entry in found.workloads]


def test_what_is_not_known_is_na_and_a_text_that_is_not_there_is_empty():
    frame = frames.communications_frame((communication(),))
    assert frame["bytes"].isna().all()
    (row,) = frame.to_dict("records")
    assert (row["dst_namespace"], row["dst_kind"], row["dst_name"]) == ("", "external", "203.0.113.7")
    assert (row["connections"], row["failed"], row["notes"]) == (3, 2, "")


def test_a_review_says_what_was_decided_by_whom_and_what_it_opens():
    frame = frames.suggestions_frame(reviewed("ann")).set_index("id")
    assert list(frame["decided"]) == ["accepted", "declined", "undecided"]
    assert list(frame["by"]) == ["ann", "ann", ""]
    assert list(frame["widened"]) == ["addresses 203.0.113.0/24", "", ""]
    assert frame.loc["id1", "caveats"] == "external, widened"
    assert list(frames.suggestions_frame(suggestions())["decided"]) == ["undecided"] * 2


def test_a_policy_has_a_row_for_each_peer_and_port_and_one_where_nothing_passes():
    frame = frames.policies_frame((policy(),))
    assert [tuple(row) for row in frame[["direction", "peer", "port"]].itertuples(index=False)] == [
        ("Ingress", "", ""),
        *(
            ("Egress", "203.0.113.0/24 except 203.0.113.7/32", port)
            for port in ("TCP/80", "UDP/1000-2000", "SCTP/<any>")
        ),
        *(
            ("Egress", "pods app=api in namespaces team In a|api", port)
            for port in ("TCP/80", "UDP/1000-2000", "SCTP/<any>")
        ),
        ("Egress", "<any>", "<any>"),
    ]
    assert frame["rule"].isna().sum() == 1
    assert set(frame["pods"]) == {"<all>"}


def test_an_outcome_has_the_rules_and_policies_of_both_ends():
    (row,) = frames.outcomes_frame((outcome("allowed"),)).to_dict("records")
    assert (row["verdict"], row["rules"], row["policies"]) == ("allowed", "api/p egress[0], api/p egress[0]", "api/p")


@pytest.mark.parametrize("name", [HOSTILE, "\ud800", "\x00"])
def test_hostile_text_is_a_value_like_any_other(name):
    frame = frames.communications_frame((communication(name),))
    frames.COMMUNICATIONS.check(frame)
    assert len(frame) == 1
