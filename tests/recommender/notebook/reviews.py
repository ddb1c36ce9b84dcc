"""Turns a few flows into review folders for tests of the widget."""

import random

import pandas as pd

from collectors.inventory import WorkloadRef
from recommender.communications import AddressPeer, Communication, Evidence, meaning
from recommender.policy import LabelSelector
from recommender.suggest import Suggestion, Suggestions, suggestion_id
from recommender.workload import Subject

AT = pd.Timestamp("2026-11-01T11:00:00Z")


def communication(src, dst, port=80, protocol="TCP", **seen):
    evidence = Evidence(AT, AT + pd.Timedelta("1h"), **{"connections": 3, "orientations": ("handshake",), **seen})
    return Communication(src, dst, protocol, port, evidence)


def suggestions(communications):
    """Suggestions whose workloads are each selected by a label of its own."""
    listed = sorted({meaning(seen): seen for seen in communications}.values(), key=meaning)
    refs = {end for seen in listed for end in (seen.src, seen.dst) if isinstance(end, WorkloadRef)}
    items = [
        Suggestion(
            suggestion_id(seen), seen, _subject(seen.dst), _subject(seen.src),
            () if isinstance(seen.dst, WorkloadRef) else ("external",), "Seen.",
        )
        for seen in listed
    ]  # fmt: skip
    subjects = {ref: Subject((ref,), LabelSelector((("app", ref.name),))) for ref in sorted(refs)}
    return Suggestions(tuple(items), (), AT, AT + pd.Timedelta("26h"), subjects)


def _subject(end):
    return end if isinstance(end, WorkloadRef) else None


def shop():
    """Web asks api and a payment provider, api and report ask db, ops scrapes api; each row has a port of its own."""
    web, api, db, report = (WorkloadRef("shop", "Deployment", name) for name in ("web", "api", "db", "report"))
    ops = WorkloadRef("ops", "StatefulSet", "prometheus")
    return suggestions(
        [
            communication(web, api, 8080),
            communication(api, db, 5432, connections=70),
            communication(report, db, 5433),
            communication(ops, api, 9090),
            communication(web, AddressPeer("203.0.113.7", "external"), 443),
            communication(web, api, 53, "UDP"),
        ]
    )


def large(workloads=500, rows=10_000, namespaces=25):
    """As large as a review is said to be fluent with."""
    pick = random.Random(1)
    refs = [WorkloadRef(f"team-{at % namespaces:02}", "Deployment", f"app-{at:03}") for at in range(workloads)]
    found = {}
    while len(found) < rows:
        src, dst = pick.sample(refs, 2)
        seen = communication(src, dst, pick.choice([80, 443, 5432, 6379, 8080, 9090, 53]))
        found[meaning(seen)] = seen
    return suggestions(found.values())
