"""The stages one after the other: what two front ends ask of one observation, they are told alike."""

from dataclasses import replace
from importlib import resources
from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.flow_facts import facts_of
from collectors.names import conform_names
from collectors.observation import Observation, ObservationWindow, Source
from collectors.partitions import Partitions
from recommender import pipeline
from recommender.communications import meaning, summarize
from recommender.names import with_names
from recommender.resolve import resolve
from recommender.scans import scan_like, scans
from recommender.sightings import sightings
from recommender.stages import spoken, spoken_by_parts, suggested, suggested_by_parts
from recommender.suggest import SuggestOptions, suggest
from recommender.summary import summary_data
from recommender.vantages import once
from tests.cluster import deployment, flow, flows, inventory, pod
from tests.recommender.semantics.towns import lives

MANY = settings(max_examples=100, deadline=None)
HOUR = pd.Timestamp("2026-11-01T11:00:00Z")
CLUSTER = inventory(deployment("web", ["10.0.0.1"]), pod("db", "10.0.0.9", {"app": "db"}))
SOURCES = [Source(name, "pcap", 1, start=HOUR, end=HOUR + pd.Timedelta(hours=1)) for name in ("a", "b")]
BANK = "203.0.113.9"
SAID = {"address": BANK, "kind": "dns", "name": "bank.example", "count": 1, "source": "a"}


def _observed(*rows):
    names = conform_names(pd.DataFrame([{**SAID, "first_seen": HOUR, "last_seen": HOUR}]))
    return Observation(flows(*rows), ObservationWindow.of(SOURCES), names=names)


def _row(dst, port, source="a", **more):
    return flow("10.0.0.1", dst, port, source=source, **more)


SCAN = [_row("10.0.0.9", 1000 + at, outcome="refused") for at in range(20)]
TRAFFIC = _observed(
    *(_row("10.0.0.9", 5432, source, connections=3) for source in ("a", "b")),
    _row(BANK, 443, at=HOUR + pd.Timedelta(minutes=50)),
    *SCAN,
)


def test_a_connection_that_two_captures_show_counts_once_for_every_front_end():
    for communications in (spoken(TRAFFIC, CLUSTER), suggested(TRAFFIC, CLUSTER).communications):
        (found,) = [one for one in communications if one.port == 5432]
        assert (found.evidence.connections, found.evidence.sources) == (3, ("a", "b"))


def test_what_was_spoken_is_what_suggestions_follow_from_but_for_the_names_of_addresses():
    named = suggested(TRAFFIC, CLUSTER).communications
    assert [one.evidence.names for one in named if one.port == 443] == [("bank.example",)]
    bare = tuple(replace(one, evidence=replace(one.evidence, names=())) for one in named)
    assert spoken(TRAFFIC, CLUSTER) == bare


def test_every_communication_is_suggested_or_withheld_and_those_of_a_scan_say_so():
    found = suggested(TRAFFIC, CLUSTER)
    told = [entry.communication for entry in (*found.suggestions.items, *found.suggestions.withheld)]
    assert sorted(told, key=meaning) == list(found.communications)
    scanned = {item.communication.port: "scan_like" in item.caveats for item in found.suggestions.items}
    assert scanned == {5432: True, 443: False}
    assert {key[-1] for key in scan_like(found.scans)} == {5432}


def test_the_resolved_flows_are_those_of_the_communications():
    resolved = _resolved(TRAFFIC, CLUSTER)
    assert len(resolved) == len(TRAFFIC.flows)
    assert len(sightings(resolved)) == 2
    assert suggested(TRAFFIC, CLUSTER).sightings == sightings(resolved)


def test_nothing_observed_is_nothing_spoken_and_nothing_suggested():
    found = suggested(Observation(), CLUSTER)
    assert (spoken(Observation(), CLUSTER), found.communications, found.scans, found.suggestions.items) == ((),) * 4


def _by_parts(observation, known, seconds):
    return suggested_by_parts(Partitions(observation.flows, seconds), observation.names, observation.window, known)


def _resolved(observation, known):
    """Return all flows resolved at once: what no product code does, and what parts must come to."""
    return once(resolve(observation.flows, known), observation.window)


def _assert_alike(observation, known, seconds):
    resolved, parts = _resolved(observation, known), _by_parts(observation, known, seconds)
    communications, scanned = with_names(summarize(resolved), observation.names), scans(resolved)
    options = SuggestOptions(scan_like=scan_like(scanned))
    assert parts.communications == communications
    assert parts.scans == scanned
    assert parts.suggestions == suggest(communications, known, observation.window, options)
    assert parts.sightings == sightings(resolved)
    spoken_of = spoken_by_parts(Partitions(observation.flows, seconds), observation.window, known)
    assert spoken_of == spoken(observation, known) == summarize(resolved)


@MANY
@given(lives(), st.sampled_from([60, 120]))
def test_flows_that_come_by_parts_suggest_what_all_at_once_do(life, seconds):
    """Whatever the cluster; parts of minutes here are parts of days elsewhere."""
    town, rows = life
    sources = [
        Source(name, "pcap", 1, start=HOUR, end=HOUR + pd.Timedelta(minutes=2 + at))
        for at, name in enumerate(("a.pcap", "b.pcap", "c.pcap"))
    ]
    _assert_alike(Observation(flows(*rows), ObservationWindow.of(sources)), town.inventory, seconds)


def test_names_scans_and_vantage_points_are_the_same_by_parts():
    _assert_alike(TRAFFIC, CLUSTER, 60)


def test_a_server_that_only_the_clients_of_several_days_show_is_one():
    """Six clients a day, twelve in all, none of whom began what was seen."""
    known = inventory(pod("db", "10.0.0.9"), [pod(f"client-{at}", f"10.0.1.{at}") for at in range(12)])
    rows = [
        flow(f"10.0.1.{at}", "10.0.0.9", 5432, orientation="unknown", at=HOUR + pd.Timedelta(days=at // 6))
        for at in range(12)
    ]
    observation = Observation(flows(*rows), ObservationWindow.of(SOURCES))
    assert {one.evidence.orientations for one in spoken(observation, known)} == {("port_hint",)}
    _assert_alike(observation, known, 86_400)


def test_nothing_observed_suggests_nothing_by_parts_either():
    found = _by_parts(Observation(), CLUSTER, 60)
    assert (found.communications, found.scans, found.suggestions.items, found.sightings) == ((), (), (), {})


def test_a_store_is_concluded_on_and_told_of_while_its_flows_are_never_together(tmp_path):
    demo = pipeline.demo(tmp_path / "demo")
    samples = Path(str(resources.files("recommender.samples")))
    found = pipeline.suggest(tmp_path / "demo" / "observations", samples / "inventory", tmp_path / "review")
    for conclusion in (demo, found):
        assert summary_data(conclusion)["flows"] > 0
        assert "flows" not in vars(conclusion.observation)
    assert facts_of(found.observation.flows) == found.flow_facts
