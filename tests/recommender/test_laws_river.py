"""The laws of the whole river on random clusters and traffic: exactly what was accepted, however it was observed."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.observation import Observation, ObservationWindow, Source, compact, merge
from collectors.store import load, save
from recommender.communications import AddressPeer, summarize
from recommender.generate import GenerateOptions, generate
from recommender.manifest import policies_from_yaml, policy_to_yaml
from recommender.outputs import export_files
from recommender.pipeline import RunOptions, conclude
from recommender.policy import EGRESS, INGRESS, LabelSelector, NetworkPolicy
from recommender.resolve import resolve
from recommender.review import Decision, review
from recommender.simulate import excess, judge, simulate
from recommender.suggest import suggest
from recommender.vantages import once
from recommender.workload import subjects
from tests.cluster import flows
from tests.recommender.semantics.towns import BEHIND, NODES, OUTSIDE, PORTS, PROTOCOLS, lives

WORDS = st.lists(st.sampled_from(["accept", "accept", "decline"]), min_size=20, max_size=20)
SOURCES = ("a.pcap", "b.pcap", "c.pcap")
MANY = settings(max_examples=100)


def _suggested(town, rows):
    known = town.inventory
    if not rows:
        return suggest((), known, ObservationWindow())
    return suggest(summarize(once(resolve(flows(*rows), known), ObservationWindow())), known, ObservationWindow())


def _reviewed(town, rows, words=("accept",) * 20):
    suggestions = _suggested(town, rows)
    return review(suggestions, [Decision(i.id, words[at % 20]) for at, i in enumerate(suggestions.items)])


def _closed(policies):
    """Return the policies with whatever isolates all pods of both namespaces both ways."""
    return [*policies, *(NetworkPolicy(name, "shut", LabelSelector(), (INGRESS, EGRESS)) for name in ("shop", "data"))]


def _verdicts(policies, items, town):
    return [outcome.verdict for outcome in simulate(policies, [item.communication for item in items], town.inventory)]


def _observed(town, rows):
    """Return what was seen to work, told from the flows alone: (who, whom, protocol, port), Services translated."""
    found = set()
    for row in rows:
        home = town.homes.get(row["src"])
        who, whom, port = row["src"], row["dst"], row["dst_port"]
        if whom in town.services:
            pods = [one for one in town.residents if one.workload == town.services[whom]]
            if pods == [home]:
                continue  # a pod that reached itself
            if {NODES[one.node] for one in pods} == {who}:
                continue  # from the own node of all of them
            whom, port = town.services[whom], BEHIND
        elif whom in town.homes:
            own_node = town.homes[whom].node
            if NODES[own_node] == who:
                continue  # from the pod's own node
            whom = town.homes[whom].workload
        if row["outcome"] == "established":
            found.add((home.workload if home else who, whom, row["protocol"], port))
    return found


def _probes(town):
    """Return every pair of pods and addresses of which one is a pod, with every protocol and port."""
    ends = [(one.name, one.workload, one.node) for one in town.residents]
    ends += [(address, address, name) for name, address in NODES.items()] + [(ip, ip, "") for ip in OUTSIDE]
    return [
        (src, dst, protocol, port)
        for src in ends
        for dst in ends
        if not isinstance(src[1], str) or not isinstance(dst[1], str)
        for protocol in PROTOCOLS
        for port in PORTS
    ]


@MANY
@given(lives())
def test_law_5_a_closed_cluster_allows_exactly_the_connections_that_were_observed(life):
    """Each pod and address is tried with each; who no selector tells apart counts as one."""
    town, rows = life
    together = {ref: subject.members for ref, subject in subjects(town.inventory).items() if subject.selector}
    accepted = {
        (src, dst, protocol, port)
        for one, other, protocol, port in _observed(town, rows)
        for src in together.get(one, (one,))
        for dst in together.get(other, (other,))
    }
    probes = _probes(town)
    frame = pd.DataFrame(
        [(src[0], dst[0], protocol, port) for src, dst, protocol, port in probes],
        columns=["src", "dst", "protocol", "dst_port"],
    )
    verdicts = judge(_closed(generate(_reviewed(town, rows))), town.inventory, frame)["verdict"]
    wrong = []
    for (src, dst, protocol, port), verdict in zip(probes, verdicts, strict=True):
        own_node = isinstance(src[1], str) and src[2] == dst[2]
        wanted = own_node or (src[1], dst[1], protocol, port) in accepted
        if verdict != ("allowed" if wanted else "denied"):
            wrong.append((src[0], dst[0], protocol, port, verdict))
    assert wrong == []


@MANY
@given(lives(), st.booleans(), st.booleans())
def test_law_4_accepted_is_allowed_and_nothing_else_is_open_to_anybody(life, default_deny, split):
    town, rows = life
    reviewed = _reviewed(town, rows)
    policies = generate(reviewed, GenerateOptions(default_deny, split))
    assert set(_verdicts(policies, reviewed.accepted, town)) <= {"allowed"}
    together = {ref: subject.members for ref, subject in reviewed.suggestions.subjects.items()}
    accepted = [
        replace(item.communication, src=src, dst=dst)
        for item in reviewed.accepted
        for src in together.get(item.communication.src, (item.communication.src,))
        for dst in together.get(item.communication.dst, (item.communication.dst,))
    ]
    assert excess(policies, accepted, town.inventory) == ()


def _lessened(policy):
    """Yield the policy without one of its rules, without one peer of a rule, and without one port of a rule."""
    for side in ("ingress", "egress"):
        rules = getattr(policy, side)
        for at, rule in enumerate(rules):
            lessened = [
                [replace(rule, **{part: values[:gone] + values[gone + 1 :]})]
                for part, values in (("peers", rule.peers), ("ports", rule.ports))
                for gone in range(len(values))
                if len(values) > 1  # without its only peer or port it would take anyone
            ]
            for less in ([], *lessened):
                yield replace(policy, **{side: (*rules[:at], *less, *rules[at + 1 :])})


@MANY
@given(lives(most=6))
def test_law_4_without_any_one_rule_peer_or_port_something_accepted_is_denied(life):
    town, rows = life
    reviewed = _reviewed(town, rows)
    policies = generate(reviewed)
    for at, policy in enumerate(policies):
        for less in _lessened(policy):
            assert "denied" in _verdicts([*policies[:at], less, *policies[at + 1 :]], reviewed.accepted, town)


@MANY
@given(lives(), WORDS)
def test_law_4_nothing_declined_passes_between_isolated_ends(life, words):
    """Unless a workload that no selector tells apart was accepted: that is one subject."""
    town, rows = life
    reviewed = _reviewed(town, rows, words)

    def meant(item):
        ends = (item.communication.src, item.communication.dst)
        firsts = [end if isinstance(end, AddressPeer) else reviewed.suggestions.subjects[end].members for end in ends]
        return (*firsts, item.communication.protocol, item.communication.port)

    accepted = {meant(item) for item in reviewed.accepted}
    declined = [item for item in reviewed.declined if meant(item) not in accepted]
    assert set(_verdicts(_closed(generate(reviewed)), declined, town)) <= {"denied"}


@MANY
@given(lives(), WORDS)
def test_law_6_policies_are_the_same_after_a_round_through_yaml(life, words):
    town, rows = life
    policies = generate(_reviewed(town, rows, words), GenerateOptions(default_deny=True))
    text = "---\n".join(map(policy_to_yaml, policies))
    assert policies_from_yaml(text, "x").policies == policies


def _artefacts(observation, known):
    """Return all that a run writes: the bytes of suggestions.json and of the policies."""
    with tempfile.TemporaryDirectory() as folder:
        found = conclude(observation, known, Path(folder), RunOptions(accept_observed=True, default_deny=True))
        return (Path(folder) / "suggestions.json").read_bytes(), dict(export_files(found.policies))


def _window(rows, names=SOURCES):
    return ObservationWindow.of(
        Source(name, "pcap", len(own), 10, min(r["first_seen"] for r in own), max(r["last_seen"] for r in own))
        for name in names
        for own in [[row for row in rows if row["source"] == name]]
        if own
    )


def _whole(rows):
    return Observation(flows(*rows), _window(rows)) if rows else Observation()


@given(lives(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_objects_changes_nothing(life, chance):
    town, rows = life
    objects, shuffled = list(town.objects), list(rows)
    chance.shuffle(objects)
    chance.shuffle(shuffled)
    other = replace(town, objects=tuple(objects))
    assert _artefacts(_whole(shuffled), other.inventory) == _artefacts(_whole(rows), town.inventory)


@given(lives(), st.lists(st.booleans(), min_size=10, max_size=10), st.booleans())
def test_merging_two_observations_equals_observing_both_at_once(life, sides, swapped):
    """Any split of the rows, in either order; the window is told once."""
    town, rows = life
    halves = [[row for row, side in zip(rows, sides, strict=False) if side is which] for which in (False, True)]
    first, second = (flows(*half) if half else Observation().flows for half in halves)
    parts = [Observation(compact(first), _window(rows)), Observation(compact(second))]
    assert _artefacts(merge(parts[:: -1 if swapped else 1]), town.inventory) == _artefacts(_whole(rows), town.inventory)


@given(lives(), st.sets(st.sampled_from(SOURCES)), st.booleans())
def test_two_stores_saved_into_one_equal_observing_both_at_once(life, names, swapped):
    """Whichever sources are in which, whichever comes first; and a store that is saved again changes nothing."""
    town, rows = life
    parts = [
        Observation(flows(*own) if own else Observation().flows, _window(rows, chosen))
        for chosen in (names, set(SOURCES) - names)
        for own in [[row for row in rows if row["source"] in chosen]]
    ]
    with tempfile.TemporaryDirectory() as folder:
        for part in [*parts[:: -1 if swapped else 1], parts[0]]:
            save(part, folder)
        assert _artefacts(load(folder), town.inventory) == _artefacts(_whole(rows), town.inventory)


def test_the_random_clusters_have_what_the_laws_are_about():
    """A law about what never occurs would hold of anything."""
    seen = set()

    @given(lives())
    def look(life):
        town, rows = life
        reviewed = _reviewed(town, rows)
        seen.update(caveat for item in reviewed.accepted for caveat in item.caveats)
        seen.update(item.why for item in reviewed.suggestions.withheld)
        seen.update("service" for item in reviewed.accepted if item.communication.evidence.services)
        seen.update("both families" for one in town.residents if len(one.ips) > 1)

    look()
    wanted = {"inseparable", "external", "host_network", "did_not_work", "node_local", "service", "both families"}
    assert wanted - seen == set()
