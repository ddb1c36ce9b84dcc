"""The same traffic, by capture and by what else can record it: the same policies, as far as each source can know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collectors import load_inventory, read_flows
from collectors.claimed import inventory_of
from collectors.inventory import Inventory
from recommender.stages import suggested
from tests.lab import as_hubble, record
from tests.lab import topology as t
from tests.lab.logs import nfdump_csv

lab = pytest.mark.lab

# The connection was open before anybody looked, and was not closed while they did: conntrack tells changes only.
STANDING = f"{t.WORKER} -> {t.QUEUE} TCP/5672"
# Answered by ICMP port unreachable, which no flow log ties to the datagram: it looks like one nobody answers.
REFUSED_DATAGRAM = f"{t.DEBUG} -> {t.API} UDP/161"
# The address passed to another pod in the same minute: only a source that names the pods can tell whose it was.
HANDED_OVER = {f"{t.REPORT} -> {t.COREDNS} UDP/53", f"{t.WEB} -> {t.COREDNS} UDP/53"}


def rules(source: Path, inventory: Inventory) -> set[str]:
    """Return the communications that a source suggests a rule for."""
    return {str(item.communication) for item in suggested(read_flows([source]), inventory).suggestions.items}


@pytest.fixture(scope="module")
def known(recording: record.Recording) -> Inventory:
    return load_inventory(recording.folder / "inventory")


@pytest.fixture(scope="module")
def by_capture(recording: record.Recording, known: Inventory) -> set[str]:
    found = rules(recording.folder / "shop.pcap", known)
    assert len(found) > 20
    return found - HANDED_OVER


@lab
def test_connection_tracking_gives_the_rules_of_a_capture(
    recording: record.Recording, known: Inventory, by_capture: set[str]
):
    """And the Service ports, which the capture behind DNAT has not."""
    found = rules(recording.tracked, known)
    assert found - HANDED_OVER == by_capture - {STANDING} | {REFUSED_DATAGRAM}
    services = read_flows([recording.tracked]).flows[["service_ip", "service_port", "dst_port"]].dropna()
    assert ("10.96.200.6", 6380, 6379) in set(services.itertuples(index=False, name=None))


@lab
def test_nfdump_gives_the_rules_of_a_capture_within_the_cluster(
    recording: record.Recording, known: Inventory, by_capture: set[str], tmp_path: Path
):
    """Its CSV has whole seconds and flags without order: who began is known by the ports that the cluster declares."""
    found = rules(nfdump_csv(recording.folder / "shop.pcap", tmp_path), known)
    outside = {rule for rule in by_capture if " -> external" in rule}
    assert found - HANDED_OVER - {REFUSED_DATAGRAM} == by_capture - outside


@lab
def test_hubble_gives_the_rules_of_a_capture_with_and_without_an_inventory(
    recording: record.Recording, known: Inventory, by_capture: set[str], tmp_path: Path
):
    log = tmp_path / "hubble.jsonl"
    log.write_text("\n".join(as_hubble.lines(recording.folder / "shop.pcap", recording.folder / "inventory")))
    assert rules(log, known) - HANDED_OVER == by_capture | {REFUSED_DATAGRAM}
    alone = rules(log, inventory_of(read_flows([log]).claims))
    # without an inventory nobody knows the node, and which port of the standing connection is declared
    nodes = {rule for rule in by_capture if " node " in rule or rule.startswith("node ")}
    assert by_capture - nodes - {STANDING} <= alone
    assert {rule for rule in alone - by_capture if rule not in {REFUSED_DATAGRAM, *HANDED_OVER}} <= set()
    assert json.loads(log.read_text().splitlines()[0])["flow"]["source"]["pod_name"]
