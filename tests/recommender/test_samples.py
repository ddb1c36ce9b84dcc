"""The bundled samples against what the scenario that made them says was in them (sample_captures/expected.csv)."""

import csv
from pathlib import Path

import pytest

from collectors import load_inventory, read_flows
from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, summarize
from recommender.resolve import resolve
from recommender.suggest import suggest

SAMPLES = Path(__file__).parents[2] / "sample_captures"
_WHY = {"node_local": "node_local", "inexpressible": "inexpressible", "refused": "did_not_work",
        "unanswered": "did_not_work", "half_open": "did_not_work"}  # fmt: skip


def _text(end):
    if isinstance(end, WorkloadRef):
        return str(end)
    assert isinstance(end, AddressPeer)
    return f"{end.kind}:{end.address}"


def _key(communication):
    return _text(communication.src), _text(communication.dst), communication.protocol, communication.port


@pytest.fixture(scope="module")
def concluded():
    inventory = load_inventory(SAMPLES / "inventory")
    observation = read_flows([SAMPLES / "shop.pcap"])
    return suggest(summarize(resolve(observation.flows, inventory)), inventory, observation.window)


@pytest.fixture(scope="module")
def expected():
    with (SAMPLES / "expected.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {(row["src"], row["dst"], row["protocol"], int(row["port"])): row["expect"] for row in rows}


def test_what_the_scenario_did_is_suggested_and_nothing_else_is(concluded, expected):
    suggested = {_key(item.communication) for item in concluded.items}
    assert suggested == {key for key, expect in expected.items() if expect.startswith("allow")}


def test_what_must_never_become_a_rule_is_withheld_for_the_reason_the_scenario_gives(concluded, expected):
    withheld = {_key(item.communication): item.why for item in concluded.withheld}
    others = {key: _WHY[expect] for key, expect in expected.items() if not expect.startswith("allow")}
    assert {key: withheld.get(key) for key in others} == others


def test_the_long_connection_that_began_before_the_capture_is_suggested_as_a_guess(concluded, expected):
    guessed = {key for key, expect in expected.items() if expect == "allow_guessed"}
    caveats = {_key(item.communication): item.caveats for item in concluded.items}
    assert guessed
    assert all("orientation_guessed" in caveats[key] for key in guessed)


def test_every_packet_of_every_sample_is_in_a_flow_or_in_the_ledger():
    for name in ("shop.pcap", "shop-clients.pcapng"):
        observation = read_flows([SAMPLES / name])
        in_flows = int(observation.flows["packets"].sum() + observation.flows["reply_packets"].sum())
        read = sum(source.packets for source in observation.window.sources)
        assert in_flows + observation.ledger.packets_total() == read


def test_b10_the_clients_view_leads_to_the_same_pods_and_ports_as_the_bridges(concluded):
    inventory = load_inventory(SAMPLES / "inventory")
    observation = read_flows([SAMPLES / "shop-clients.pcapng"])
    seen = suggest(summarize(resolve(observation.flows, inventory)), inventory, observation.window)
    by_service = {_key(item.communication) for item in seen.items if item.communication.evidence.services}
    assert by_service
    assert by_service <= {_key(item.communication) for item in concluded.items}
