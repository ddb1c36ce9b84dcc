"""Turns hostile text into one of each of podfence's values, for what shows them."""

import pandas as pd

from collectors.flows import empty_flows
from collectors.inventory import Inventory, WorkloadRef
from collectors.ledger import Ledger
from collectors.observation import Gap, Observation, ObservationWindow, Source
from recommender.communications import AddressPeer, Communication, Evidence
from recommender.outcomes import EndVerdict, Excess, Outcome
from recommender.policy import EGRESS, INGRESS, IPBlock, LabelSelector, NetworkPolicy, Peer, Port, Requirement, Rule
from recommender.review import Decision, Reviewed, decided, review
from recommender.suggest import Suggestion, Suggestions, Withheld
from recommender.widening import Widening

NOON = pd.Timestamp("2026-11-23T12:00:00Z")
HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\u202e../\n" + "x" * 253


def communication(name="api", port=80, dst=None):
    """Return who asks whom; `name` is put wherever a cluster or a capture has its say."""
    evidence = Evidence(
        NOON, NOON, connections=3, failed=(("refused", 2),), src_pods=(name,), services=(name,), names=(name,),
        orientations=("handshake",), sources=(name,), example=name,
    )  # fmt: skip
    src = WorkloadRef(name, name, name)
    return Communication(src, dst or AddressPeer("203.0.113.7", "external", name), "TCP", port, evidence)


def suggestions(name="api", count=2):
    """Return suggestions, and one that is withheld."""
    items = tuple(
        Suggestion(f"id{port}", communication(name, port), None, WorkloadRef(name, name, name), ("external",), name)
        for port in range(1, count + 1)
    )
    return Suggestions(items, (Withheld(communication(name, 0), "unresolved", name),), NOON, NOON)


def reviewed(name="api", count=3) -> Reviewed:
    """Return the first accepted and widened, the second declined, the others open."""
    found = suggestions(name, count)
    first = decided(found, found.items[0], "accept", by=name, why=name)
    widened = Widening(addresses=IPBlock("203.0.113.0/24"), options=(name,))
    return review(found, [Decision(**{**vars(first), "widen": widened}), Decision("id2", "decline", by=name, why=name)])


def outcome(verdict="denied", name="api", port=80):
    """Return what policies say of one communication."""
    end = EndVerdict(verdict, True, (f"{name}/p",), (f"{name}/p egress[0]",) if verdict == "allowed" else (), name)
    return Outcome(communication(name, port), verdict, end, end, name)


def policy(name="api"):
    """Return a policy with every form of peer and port."""
    block = Peer(ip_block=IPBlock("203.0.113.0/24", ("203.0.113.7/32",)))
    pods = Peer(LabelSelector((("app", name),)), LabelSelector((), (Requirement("team", "In", ("a", name)),)))
    return NetworkPolicy(
        "shop", name, LabelSelector(), (INGRESS, EGRESS), (),
        (Rule((block, pods), (Port("TCP", 80), Port("UDP", 1000, 2000), Port("SCTP"))), Rule()),
    )  # fmt: skip


def observation(name="api"):
    """Return an observation without flows, of one source that lost packets."""
    source = Source(name, "pcap", 5, 500, NOON, NOON, drops=2)
    return Observation(empty_flows(), ObservationWindow.of([source], [Gap(name, NOON, NOON)]), Ledger())


def one_of_each(name):
    """Return a value of every kind that can be shown without a folder or a run, all with this name in them."""
    each = reviewed(name)
    excess = Excess(name, "Ingress", name, "any", 3, name)
    return [
        observation(name), Inventory(missing={name: name}), each.suggestions, each, each.accepted, each.declined,
        each.suggestions.withheld, (outcome("denied", name), outcome("allowed", name)), (excess,), excess,
        (policy(name), policy(name)), policy(name), tuple(each.decisions.values()), each.accepted[0],
        (communication(name),), communication(name), AddressPeer("203.0.113.7", "external", name),
    ]  # fmt: skip
