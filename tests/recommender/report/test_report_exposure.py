"""The part of the page about exposure."""

from recommender.exposure_words import exposure_rows
from recommender.report import exposure
from recommender.report.exposure import exposure_part
from recommender.simulate.reachable import reachable
from tests.recommender.simulated import app, cluster, pod, policy, tcp

SMALL = cluster(pod("web", "10.0.0.1"), pod("api", "10.0.0.2"))
CLOSED = [policy("api", select={"app": "api"}, ingress=[{"from": [app("web")], "ports": tcp(80)}])]


def test_each_direction_of_a_workload_is_a_row_with_policies_and_who_passes_where():
    part = exposure_part(reachable(CLOSED, SMALL))
    assert part.count("<tr>") == 1 + 2 * 3
    assert "<bdi>shop/Deployment/web</bdi> TCP/80" in part
    assert "<bdi>shop/api</bdi>" in part


def test_names_are_text_and_not_markup_and_a_text_is_of_bounded_length():
    part = exposure_part(reachable([], cluster(pod("<b>" + "x" * 900, "10.0.0.1"))))
    assert "<b>" not in part
    assert "x" * 500 not in part


def test_an_empty_inventory_says_so_and_too_many_rows_are_counted(monkeypatch):
    assert "no workloads" in exposure_part(())
    monkeypatch.setattr(exposure, "MOST_ROWS", 2)
    assert "and 4 more" in exposure_part(reachable([], SMALL))


def test_rows_count_the_workloads_that_unknown_ends_could_reach():
    assert exposure_rows(reachable(CLOSED, SMALL)) == [
        ("exposed", "1    of 2 workloads could be reached from addresses outside"),
        ("", "1    of 2 workloads could be reached by pods not yet born"),
    ]
    assert exposure_rows(()) == []
