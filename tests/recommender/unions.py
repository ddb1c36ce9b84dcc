"""Random policies on a small cluster, and short ways to say what a cluster has and what was seen in it."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st

from recommender.existing import existing
from tests.recommender.simulated import EVIDENCE, block, cluster, pod, seen, workload

SHOP = cluster(
    pod("web", "10.0.0.1", app="web", tier="front"),
    pod("api", "10.0.0.2", app="api", tier="back", ports=[(80, "TCP", "http")]),
    pod("db", "10.0.0.3", app="db", tier="back", ports=[(5432, "TCP", "http")]),
    pod("probe", "10.0.1.1", namespace="watch", app="probe"),
)


def oriented(*parts):
    """Make a communication of which a handshake was seen."""
    return replace(seen(*parts), evidence=replace(EVIDENCE, orientations=("handshake",)))


def raw(name="p", namespace="shop", labels=None, **spec):
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels or {}}, "spec": spec}


# four pods in two namespaces, one of them without the label x
NAMES = {"a": "shop", "b": "shop", "c": "shop", "d": "watch"}
SMALL = cluster(
    *(
        pod(name, f"10.0.0.{number}", namespace=namespace, app=name, ports=[(number % 2 + 1, "TCP", "http")],
            **({"x": "1"} if name in "abd" else {}))
        for number, (name, namespace) in enumerate(NAMES.items())
    )
)  # fmt: skip
ENDS = [workload(name, namespace) for name, namespace in NAMES.items()]
_SELECT = st.sampled_from([{}, {"app": "a"}, {"app": "b"}, {"x": "1"}, {"x": "1", "app": "a"}, {"app": "gone"}])
_PEER = st.one_of(
    _SELECT.map(lambda labels: {"podSelector": {"matchLabels": labels}}),
    _SELECT.map(lambda labels: {"namespaceSelector": {}, "podSelector": {"matchLabels": labels}}),
    st.sampled_from(["198.51.100.0/29", "198.51.100.0/30", "198.51.100.4/30", "198.51.100.4/31"]).map(block),
    st.just(block("198.51.100.0/29", "198.51.100.4/30")),
)
_PORT = st.sampled_from([{"port": 1}, {"port": 2}, {"port": 1, "endPort": 2}, {"port": 1, "protocol": "UDP"}, {}])


def _rules(side, ports=_PORT):
    rule = st.fixed_dictionaries(
        {}, optional={side: st.lists(_PEER, min_size=1, max_size=2), "ports": st.lists(ports, min_size=1, max_size=2)}
    )
    return st.lists(rule, max_size=2)


_NAMED = _PORT | st.just({"port": "http"})
_SPEC = st.fixed_dictionaries(
    {"podSelector": _SELECT.map(lambda labels: {"matchLabels": labels}), "ingress": _rules("from", _NAMED)},
    optional={"egress": _rules("to"), "policyTypes": st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]])},
)
POLICIES = st.lists(_SPEC, min_size=1, max_size=4).map(
    lambda specs: (
        existing(
            replace(SMALL, policies=tuple(raw(f"p{number}", **spec) for number, spec in enumerate(specs)))
        ).policies
    )
)
SETTINGS = settings(max_examples=60, deadline=None)
