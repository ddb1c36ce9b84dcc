"""C25 and C26: what policies are called, what they say of themselves, and what they change beside others."""

import re

import pytest

from recommender.generate import generate
from tests.cluster import deployment, flow, meta, owner, pod, service, slices
from tests.recommender.semantics.river import API, DB, EARLY, OUTSIDE, WEB, case, concluded, params
from tests.recommender.semantics.views import documents

CALL = flow(WEB, API, 3000)
WEB_TO_API = "web -> api TCP/3000"
NEW = "10.0.0.70"
MIXED = [CALL, flow(WEB, DB, 5432), flow(OUTSIDE, API, 3000), flow(WEB, "10.9.9.9", 80), flow(WEB, "10.96.0.1", 443)]
ALSO = [
    service("kubernetes", "10.96.0.1", 443, ns="default"),
    slices("kubernetes", 6443, [("172.20.0.10", "")], ns="default"),
]
STRANGE = pod("odd", NEW, {"app": "x"}, start=EARLY, owners=owner("Strange", "System:Web_Server..A", "uid-odd"))
LONG = "very-long-" * 24 + "x"
VALID = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def names(found):
    return [policy.name for policy in found.policies]


def metadata_of(found):
    policy = next(policy for policy in found.policies if policy.name == "web-podfence")
    return dict(policy.labels), dict(policy.annotations)


NAMED = [
    case("C25-the_workload_first", names, ["api-podfence", "web-podfence"], CALL),
    case("C25-two_kinds_of_one_name", names, ["api-podfence", "web-deployment-podfence", "web-pod-podfence"],
         CALL, flow(NEW, API, 3000), also=[pod("web", NEW, {"run": "web"}, start=EARLY)]),
    case("C25-long_names_are_cut_and_stay_apart",
         lambda found: [(len(name) <= 253, bool(VALID.fullmatch(name))) for name in set(names(found))],
         [(True, True)] * 3, flow(NEW, API, 3000), flow("10.0.0.71", API, 3000),
         also=[deployment(LONG, [NEW], labels={"app": "l"}, start=EARLY),
               deployment(f"{LONG}y", ["10.0.0.71"], labels={"app": "m"}, start=EARLY)]),
    case("C25-valid_whatever_the_workload_is_called", lambda found: all(map(VALID.fullmatch, names(found))), True,
         flow(NEW, API, 3000), also=[STRANGE]),
    case("C25-who_manages_it", lambda found: metadata_of(found)[0], {"app.kubernetes.io/managed-by": "podfence"}, CALL),
    case("C25-the_evidence_in_short",
         lambda found: {**metadata_of(found)[1], "podfence/review": len(metadata_of(found)[1]["podfence/review"])},
         {"podfence/connections": "4", "podfence/review": 12, "podfence/workload": "Deployment/web",
          "podfence/window": "2026-11-01T10:00:00Z/2026-11-01T12:00:00Z"},
         flow(WEB, API, 3000, connections=4)),
    case("C25-the_same_bytes_each_time",
         lambda found: documents(found) == documents(concluded(*reversed(MIXED), also=ALSO[::-1])), True,
         *MIXED, also=ALSO),
    case("C25-the_same_from_the_same_review", lambda found: generate(found.reviewed) == found.policies, True, CALL),
]  # fmt: skip


def network_policy(name, to, *sources, ports=(3000,), ns="shop"):
    """An existing policy that lets pods of some apps into another."""
    rule = {"from": [{"podSelector": {"matchLabels": {"app": one}}} for one in sources],
            "ports": [{"port": port} for port in ports]}  # fmt: skip
    return {"kind": "NetworkPolicy", "apiVersion": "networking.k8s.io/v1", "metadata": meta(name, ns), "spec": {
        "podSelector": {"matchLabels": {"app": to}}, "policyTypes": ["Ingress"], "ingress": [rule]}}  # fmt: skip


def said(found):
    """Return what the union with the existing policies changes."""
    report = found.existing
    return {
        "allowed": [f"{one.direction} {' '.join(one.rules)}" for one in report.already_allowed],
        "added": len(report.added),
        "open": [(one.decided, one.rules) for one in report.kept_open],
        "redundant": [one.name for one in report.redundancy.redundant],
    }


UNION = [
    case("C26-already_allowed_and_redundant", said,
         {"allowed": ["Ingress shop/old ingress[0]"], "added": 0, "open": [], "redundant": ["shop/old"]},
         CALL, also=[network_policy("old", "api", "web")]),
    case("C26-added", said, {"allowed": [], "added": 1, "open": [], "redundant": []},
         CALL, also=[network_policy("old", "api", "worker"), deployment("worker", [NEW], start=EARLY)]),
    case("C26-open_whatever_is_declined", said,
         {"allowed": [], "added": 0, "open": [("declined", ("shop/old ingress[0]",))], "redundant": []},
         CALL, also=[network_policy("old", "api", "web")], decisions={WEB_TO_API: "decline"}),
    case("C26-no_policy_nothing_to_say", said, {"allowed": [], "added": 0, "open": [], "redundant": []}, CALL),
]  # fmt: skip

CASES = [*NAMED, *UNION]


@pytest.mark.parametrize("one", params(CASES))
def test_objects(one):
    assert one.act() == one.wants
