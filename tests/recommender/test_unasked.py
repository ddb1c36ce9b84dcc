"""Where no cluster is asked who is who: what flow logs say of pods takes the place of an inventory."""

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings

from collectors.claimed import inventory_of
from collectors.claims import conform_claims, empty_claims
from collectors.errors import UnreadableInput
from collectors.observation import Observation, ObservationWindow
from recommender.cli import main
from recommender.communications import AddressPeer, meaning
from recommender.generate import generate
from recommender.pipeline import RunOptions
from recommender.review import accept_observed, review
from recommender.simulate import simulate
from recommender.stages import spoken, suggested
from recommender.store import load_suggestions
from tests.cluster import flow, flows
from tests.recommender.semantics.towns import OUTSIDE, lives
from tests.recommender.simulated import app, policy

SAMPLES = Path(__file__).parents[2] / "sample_captures"
CAPTURE, LOG, INVENTORY = (str(SAMPLES / name) for name in ("shop.pcap", "logs/hubble.jsonl", "inventory"))
HOUR = pd.Timestamp("2026-11-01T11:00:00Z")


def claim(pod, address=None, labels=None, **more):
    said = None if labels is None else json.dumps(labels)
    return {
        "first_seen": HOUR, "last_seen": HOUR, "address": address, "namespace": "shop", "pod": pod, "labels": said,
        "source": "log", **more,
    }  # fmt: skip


def observed(claims, *rows):
    named = conform_claims(pd.DataFrame(list(claims))) if claims else empty_claims()
    return Observation(flows(*rows), ObservationWindow(), claims=named)


def of_town(town):
    """Return what a log says of every pod of a town that is not on the host network."""
    return [
        claim(
            pod.name, tenure.ip, dict(pod.labels), namespace=pod.namespace, workload_kind=pod.workload.kind,
            workload_name=pod.workload.name,
        )
        for pod in town.inventory.pods
        if not pod.host_network
        for tenure in pod.held
    ]  # fmt: skip


def direct(town, rows):
    """Return the flows between pods and addresses outside: what a log without an inventory can tell."""
    return [row for row in rows if {row["src"], row["dst"]} <= {*town.homes, *OUTSIDE}]


@given(lives())
def test_b8_claims_of_all_pods_suggest_what_the_inventory_suggests_of_traffic_without_services_and_nodes(life):
    town, rows = life
    rows = direct(town, rows)
    if rows:
        seen = observed(of_town(town), *rows)
        known, unasked = (
            suggested(seen, inventory).suggestions for inventory in (town.inventory, inventory_of(seen.claims))
        )
        named, unnamed = ({meaning(item.communication) for item in found.items} for found in (known, unasked))
        assert unnamed <= named
        assert all(item.why == "no_subject" for item in unasked.withheld if meaning(item.communication) in named)


@given(lives())
@settings(max_examples=60)
def test_d31_what_is_accepted_without_an_inventory_passes_in_the_cluster_that_nobody_asked(life):
    town, rows = life
    rows = direct(town, rows)
    if rows:
        seen = observed(of_town(town), *rows)
        suggestions = suggested(seen, inventory_of(seen.claims)).suggestions
        reviewed = review(suggestions, accept_observed(suggestions, ()))
        outcomes = simulate(generate(reviewed), [item.communication for item in reviewed.accepted], town.inventory)
        assert {outcome.verdict for outcome in outcomes} <= {"allowed"}


NAMELESS = {"src_namespace": "shop", "src_pod": "web-5c9-*", "dst_namespace": "shop", "dst_pod": "db-7f-*"}
GOLDMANE = [
    claim("web-5c9-*", labels={"app": "web", "pod-template-hash": "5c9"}),
    claim("db-7f-*", labels={"app": "db", "pod-template-hash": "7f"}),
]


def test_c18_a_log_without_addresses_gives_rules_between_the_workloads_that_it_names():
    seen = observed(GOLDMANE, flow(None, None, 5432, **NAMELESS, orientation="reported"))
    inventory = inventory_of(seen.claims)
    suggestions = suggested(seen, inventory).suggestions
    (item,) = suggestions.items
    assert str(item.communication) == "shop/Deployment/web -> shop/Deployment/db TCP/5432"
    policies = generate(review(suggestions, accept_observed(suggestions, ())))
    selectors = {policy.name: policy.pod_selector.match_labels for policy in policies}
    assert selectors == {"db-podfence": (("app", "db"),), "web-podfence": (("app", "web"),)}
    assert [outcome.verdict for outcome in simulate(policies, [item.communication], inventory)] == ["allowed"]


@pytest.mark.parametrize("end", ["src", "dst"])
def test_b14_an_end_without_address_and_pod_is_withheld_and_no_verdict_pretends_to_know_it(end):
    seen = observed(GOLDMANE, flow(None, None, 5432, **{**NAMELESS, f"{end}_pod": "gone-*"}))
    inventory = inventory_of(seen.claims)
    found = suggested(seen, inventory)
    assert found.suggestions.items == ()
    (item,) = found.suggestions.withheld
    assert item.why == "unresolved"
    assert AddressPeer("", "unresolved", "shop/gone-*") in {item.communication.src, item.communication.dst}
    policies = [
        policy("in", select={"app": "db"}, ingress=[{"from": [app("web")]}]),
        policy("out", select={"app": "web"}, egress=[{"to": [app("db")]}]),
    ]
    (outcome,) = simulate(policies, spoken(seen, inventory), inventory)
    assert outcome.verdict == "undecidable"


def test_ranges_that_are_given_count_without_an_inventory_too():
    seen = observed([claim("web", "203.0.113.1")], flow("203.0.113.1", "203.0.113.2", 80))
    options = RunOptions(pod_cidrs=("203.0.113.0/24",), service_cidrs=("198.51.100.0/24",))
    known = options.known(None, seen)
    assert (known.pod_cidrs, known.service_cidrs) == (("203.0.113.0/24",), ("198.51.100.0/24",))
    assert [item.why for item in suggested(seen, known).suggestions.withheld] == ["unresolved"]
    with pytest.raises(UnreadableInput, match="pod range"):
        RunOptions(pod_cidrs=("nonsense",)).known(None, seen)


def test_a_cluster_that_was_asked_is_believed_beside_what_logs_say():
    seen = observed([claim("web", "10.0.0.1")], flow("10.0.0.1", "10.0.0.2", 80))
    assert not RunOptions().known(INVENTORY, seen).claimed
    assert RunOptions().known(None, seen).claimed


@pytest.fixture(scope="module")
def unasked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unasked")
    assert main(["run", LOG, "-o", str(folder), "--accept", "observed", "--json"]) == 0
    return folder


def test_a_log_that_names_pods_needs_no_inventory_and_the_summary_says_what_that_costs(unasked, capsys):
    words = ["suggest", str(unasked / "observations"), "-o", str(unasked / "review")]
    assert main([*words, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["inventory"]["claimed"]
    assert data["policies"] > 0
    assert (data["accepted_denied"], data["excess"]) == (0, 0)
    assert "identity_from_records" in {finding["kind"] for finding in data["findings"]}
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "as the flow logs name them: no Services, selectors, nodes, or pods that never talked are known" in shown
    assert "existing policies  not known, so that they do not count: no inventory was given" in shown
    assert "without Service" not in shown


def test_the_report_says_what_no_inventory_costs(unasked):
    page = (unasked / "report.html").read_text()
    assert "Who is who is what logs say" in page
    assert "proven only among the pods that were named" in page


def test_the_sample_log_suggests_the_same_with_and_without_the_inventory(unasked, tmp_path):
    words = ["suggest", str(unasked / "observations"), "--inventory", INVENTORY, "-o", str(tmp_path)]
    assert main(words) == 0
    asked, without = (load_suggestions(folder) for folder in (tmp_path, unasked / "review"))
    assert [item.id for item in asked.items] == [item.id for item in without.items]


def test_what_was_exported_can_be_simulated_and_drawn_without_an_inventory(unasked, capsys):
    store = str(unasked / "observations")
    assert main(["simulate", str(unasked / "policies"), "--observations", store]) == 0
    assert main(["graph", store]) == 0
    assert "shop/Deployment/web" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["run", CAPTURE, "-o", "OUT"], ["suggest", "STORE", "-o", "OUT"]])
def test_captures_name_no_pods_so_that_an_inventory_must_be_given(command, tmp_path, capsys):
    places = {"OUT": str(tmp_path / "out"), "STORE": str(tmp_path / "store")}
    assert main(["observe", CAPTURE, "-o", places["STORE"]]) == 0
    capsys.readouterr()
    assert main([places.get(word, word) for word in command]) == 2
    said = capsys.readouterr().err
    assert "no inventory is given, and what was read (pcap) names no pods" in said
    assert "name it with --inventory" in said


@pytest.mark.parametrize("words", [["explain", "x.yaml", "a/b", "c/d", "80"], ["exposure", "x.yaml"]])
def test_what_asks_about_a_cluster_alone_still_wants_an_inventory(words, capsys):
    with pytest.raises(SystemExit):
        main(words)
    assert "--inventory" in capsys.readouterr().err
