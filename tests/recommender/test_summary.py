"""The summary's numbers are the simulator's, and what comes from a cluster cannot command the terminal."""

from dataclasses import replace
from pathlib import Path

import pytest

from collectors.flows import empty_flows
from collectors.ledger import EVENT_CLASSES, PACKET_CLASSES
from collectors.observation import Observation, ObservationWindow, Source
from recommender import suggest as suggest_module
from recommender import summary as summary_module
from recommender.communications import summarize
from recommender.generate import GenerateOptions, generate
from recommender.report import words as report_words
from recommender.resolve import resolve
from recommender.review import Decision, review
from recommender.simulate import excess, isolation, simulate
from recommender.suggest import suggest
from recommender.summary import Conclusion, summary_data, summary_text
from tests.cluster import deployment, flow, flows, inventory, namespace, pod


def _conclude(rows, choices=("accept",), default_deny=False, policies=None):
    """Decide the suggestions in turn by these choices ("" leaves one open), and conclude."""
    cluster = inventory(
        namespace("shop"),
        deployment("web", ["10.0.0.1"]),
        deployment("api", ["10.0.0.3"], ports=[{"containerPort": 3000}]),
        pod("proxy", "192.168.0.1", {"app": "proxy"}, host_network=True),
    )
    observed = flows(*rows) if rows else empty_flows()
    seen = summarize(resolve(observed, cluster))
    suggestions = suggest(seen, cluster, ObservationWindow())
    chosen = [choices[at % len(choices)] for at in range(len(suggestions.items))]
    decisions = [Decision(item.id, word) for item, word in zip(suggestions.items, chosen, strict=True) if word]
    reviewed = review(suggestions, decisions)
    made = generate(reviewed, GenerateOptions(default_deny)) if policies is None else policies
    accepted = [item.communication for item in reviewed.accepted]
    return Conclusion(
        Observation(observed), cluster, seen, reviewed, made, simulate(made, seen, cluster),
        excess(made, accepted, cluster), isolation(made, cluster),
    )  # fmt: skip


def test_what_was_accepted_passes_and_nothing_else_does():
    data = summary_data(_conclude([flow("10.0.0.1", "10.0.0.3", 3000)]))
    assert (data["accepted_denied"], data["excess"]) == (0, 0)
    assert data["open_directions"] == ["shop/Deployment/api Egress", "shop/Deployment/web Ingress"]


def test_a_policy_set_that_shuts_what_was_accepted_shows_in_the_first_number():
    shut = _conclude([flow("10.0.0.3", "8.8.8.8", 443)], default_deny=True).policies
    conclusion = _conclude([flow("10.0.0.1", "10.0.0.3", 3000)], policies=shut)
    assert summary_data(conclusion)["accepted_denied"] == 1
    assert "shop/Deployment/web -> shop/Deployment/api TCP/3000: denied" in summary_text(conclusion)


def test_a_policy_set_that_opens_more_shows_in_the_second_number():
    more = _conclude([flow("10.0.0.1", "10.0.0.3", 3000), flow("10.0.0.1", "10.0.0.3", 3001)]).policies
    data = summary_data(_conclude([flow("10.0.0.1", "10.0.0.3", 3000)], policies=more))
    assert data["excess"] > 0


def test_undecided_traffic_that_would_be_cut_off_is_counted():
    rows = [flow("10.0.0.1", "10.0.0.3", 3000), flow("10.0.0.1", "10.0.0.3", 3001)]
    conclusion = _conclude(rows, ("accept", ""))
    assert summary_data(conclusion)["undecided_denied"] == 1
    assert "half decided" in summary_text(conclusion)


def test_declined_traffic_that_nothing_stops_is_counted():
    assert summary_data(_conclude([flow("10.0.0.1", "10.0.0.3", 3000)], ("decline",)))["declined_still_open"] == 1


def test_b12_workloads_on_the_host_network_are_said_to_be_beyond_policy():
    assert summary_data(_conclude([flow("10.0.0.1", "10.0.0.3", 3000)]))["beyond_policy"] == ["shop/Pod/proxy"]


def test_nothing_observed_is_said_plainly():
    conclusion = Conclusion(Observation(), inventory(), (), review(suggest((), inventory(), ObservationWindow())))
    assert "nothing was observed" in summary_text(conclusion)
    assert summary_data(conclusion)["policies"] == 0


def test_pods_that_the_logs_tell_no_label_of_are_counted_where_nothing_else_names_them():
    conclusion = _conclude([flow("10.0.0.1", "10.0.0.3", 3000)])
    bare = tuple(replace(one, labels={}) for one in conclusion.inventory.pods)
    claimed = replace(conclusion, inventory=replace(conclusion.inventory, pods=bare, claimed=True))
    assert "3 of these pods without labels, so that no policy can select them" in summary_text(claimed)
    told = replace(conclusion, inventory=replace(conclusion.inventory, claimed=True))
    assert "without labels" not in summary_text(told)


def test_terminal_escapes_in_names_are_shown_and_not_sent():
    source = Source("\x1b[31mevil\u202e.pcap", "pcap", 1)
    conclusion = replace(_conclude([]), observation=Observation(window=ObservationWindow.of([source])))
    assert "<U+001B>[31mevil<U+202E>.pcap" in summary_text(conclusion)
    assert "\x1b" not in summary_text(conclusion)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (suggest_module.CAVEATS, report_words.CAVEATS),
        (summary_module._WHY, report_words.WITHHELD),
        (PACKET_CLASSES, report_words.LEDGER),
        (EVENT_CLASSES, report_words.EVENTS),
    ],
    ids=["caveats", "withheld", "ledger", "events"],
)
def test_everything_that_can_be_said_is_explained_in_the_report(said, words):
    assert set(said) - set(words) == set()


def test_every_caveat_that_is_given_and_every_reason_to_withhold_is_in_the_docs():
    page = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text()
    missing = [word for word in (*summary_module._WHY, *PACKET_CLASSES, *EVENT_CLASSES) if f"`{word}`" not in page]
    assert set(missing) <= {"reply"}  # a class for flow logs, which are not read yet


def test_what_the_inventory_could_not_know_is_said():
    conclusion = _conclude([flow("10.0.0.1", "10.0.0.3", 3000)])
    assert "without" not in summary_text(conclusion)
    lacking = replace(conclusion.inventory, missing={"Node": "may not be listed"}, gaps=2)
    told = summary_text(replace(conclusion, inventory=lacking))
    assert "without Node: may not be listed" in told
    assert "2 gaps: the watcher lost its place" in told
    assert summary_data(replace(conclusion, inventory=lacking))["inventory"] == {
        "pods": 3, "workloads": 3, "claimed": False, "missing": {"Node": "may not be listed"}, "gaps": 2,
            "unlabelled": 0,
    }  # fmt: skip
