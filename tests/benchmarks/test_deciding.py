"""A decision is measured where everything is decided already."""

from benchmarks.deciding import make_review
from recommender.store import load_decisions


def test_everything_is_accepted_before_a_decision_is_measured(tmp_path):
    ids = make_review(tmp_path, workloads=20, communications=60)
    assert {decision.id: decision.choice for decision in load_decisions(tmp_path)} == dict.fromkeys(ids, "accept")
    assert len(ids) == 60
