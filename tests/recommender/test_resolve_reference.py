"""B7-B14 on random clusters: the vectorised result is what the most obvious code finds, one flow at a time."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.inventory import EndpointSlice, Inventory, Node, Pod, Service, ServicePort, SlicePort, WorkloadRef
from recommender.resolve import RESOLVED, resolve
from tests.cluster import flow, flows

ZERO = pd.Timestamp("2026-11-01T10:00:00Z")
FOREVER = 1000
POD_IPS = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1"]
NODE_IPS = ["192.168.0.1", "192.168.0.2"]
CLUSTER_IPS = ["10.96.0.1", "10.96.0.2", "fd00:96::1"]
ADDRESSES = [*POD_IPS, *NODE_IPS, *CLUSTER_IPS, "10.9.9.9", "203.0.113.7", "224.0.0.1", "169.254.20.10"]


def when(second):
    return None if second in {None, FOREVER, -FOREVER} else ZERO + pd.Timedelta(seconds=second)


_LIFE = st.tuples(st.sampled_from([None, 0, 1, 3, 5]), st.sampled_from([None, None, 2, 4, 6, 8])).map(
    lambda life: life if None in life or life[0] < life[1] else (life[0], life[0] + 2)
)
_POD = st.tuples(
    st.sampled_from(["a", "b", "c"]), st.sampled_from(["web", "api"]), _LIFE, st.booleans(),
    st.sampled_from(["n1", "n2"]),
    st.lists(st.sampled_from(POD_IPS), min_size=1, max_size=2, unique=True), st.integers(0, 5),
)  # fmt: skip
_SERVICE = st.tuples(
    st.sampled_from(["s", "t"]), _LIFE, st.lists(st.sampled_from(CLUSTER_IPS), max_size=2, unique=True),
    st.sampled_from([None, None, 30080]), st.sampled_from([80, 81]),
)  # fmt: skip
_SLICE = st.tuples(
    st.sampled_from(["s", "t"]), _LIFE, st.sampled_from([8080, 8081]),
    st.lists(st.tuples(st.sampled_from([*POD_IPS, "203.0.113.7"]), st.sampled_from(["", "a", "b", "c"])), max_size=4),
)  # fmt: skip
_NODE = st.tuples(st.sampled_from(["n1", "n2"]), st.sampled_from(NODE_IPS), _LIFE)


@st.composite
def clusters(draw):
    pods = []
    for uid, (name, app, (start, end), bold, node, ips, often) in enumerate(draw(st.lists(_POD, max_size=7))):
        host = bold and often == 0
        addresses = tuple([NODE_IPS[node == "n2"]] if host else ips)
        ref = WorkloadRef("shop", "Deployment", app)
        pods.append(Pod(str(uid), "shop", name, ref, {}, node, host, addresses, start=when(start), end=when(end)))
    services = []
    for name, (start, end), ips, node_port, port in draw(st.lists(_SERVICE, max_size=4)):
        ports = (ServicePort(port, node_port=node_port),)
        services.append(Service("shop", name, cluster_ips=tuple(ips), ports=ports, start=when(start), end=when(end)))
    slices = [
        EndpointSlice("shop", f"{service}-x", service, (SlicePort(port),), tuple(ends), when(start), when(end))
        for service, (start, end), port, ends in draw(st.lists(_SLICE, max_size=4))
    ]
    drawn = draw(st.lists(_NODE, max_size=3))
    nodes = [Node(name, (ip,), (), when(start), when(end)) for name, ip, (start, end) in drawn]
    return Inventory(tuple(pods), services=tuple(services), slices=tuple(slices), nodes=tuple(nodes))


_FLOW = st.tuples(
    st.sampled_from(ADDRESSES[:7]), st.sampled_from(ADDRESSES), st.sampled_from([80, 81, 8080, 30080]),
    st.integers(0, 8), st.sampled_from([0, 0, 1, 3]),
)  # fmt: skip


# --- the reference: one flow, one question at a time ---


def life(thing):
    seconds = [None if t is None else int((t - ZERO).total_seconds()) for t in (thing.start, thing.end)]
    return (-FOREVER if seconds[0] is None else seconds[0]), (FOREVER if seconds[1] is None else seconds[1])


def owner_at(cluster, ip, moment):
    nodes = [(*life(n), n.name) for n in cluster.nodes if ip in n.addresses]
    if not nodes:
        nodes = [(*life(p), p.node) for p in cluster.pods if p.host_network and ip in p.ips]
    there = {who for start, end, who in nodes if start <= moment < end}
    if there:
        return ("node", there.pop(), None) if len(there) == 1 else ("ambiguous", "", None)
    pods = [(*life(p), at) for at, p in enumerate(cluster.pods) if not p.host_network and ip in p.ips]
    there = sorted(who for start, end, who in pods if start <= moment < end)
    if not there:
        return None
    if len({cluster.pods[at].workload for at in there}) > 1:
        return "ambiguous", "", None
    return "pod", str(cluster.pods[there[0]].workload), there[0]


def moments(first, last):
    return range(first, last + 1)  # every bound is a whole second


def who(cluster, ip, first, last):
    """Class, reason, owner, and the pod's position or None."""
    seen = [owner for owner in (owner_at(cluster, ip, m) for m in moments(first, last)) if owner]
    if any(owner[0] == "ambiguous" for owner in seen):
        return "ambiguous", "two_claimants", "", None
    if len({owner[:2] for owner in seen}) > 1:
        return "ambiguous", "owner_changed", "", None
    if seen:
        kind, name, pod = seen[0]
        return kind, "owner" if kind == "pod" else "node_address", name, pod
    if ip == "224.0.0.1":
        return "multicast", "multicast", "", None
    if ip == "169.254.20.10":
        return "link_local", "link_local", "", None
    ever = [a for p in cluster.pods for a in p.ips] + [a for n in cluster.nodes for a in n.addresses]
    ever += [a for s in cluster.services for a in s.cluster_ips]
    if ip in ever:
        return "unresolved", "owned_at_another_time", "", None
    return ("external", "public", "", None) if ip == "203.0.113.7" else ("unresolved", "never_seen", "", None)


def node_addresses(cluster):
    said = {ip for n in cluster.nodes for ip in n.addresses}
    return said | {ip for p in cluster.pods if p.host_network for ip in p.ips}


def services_at(cluster, ip, port, moment):
    """Services that lead from the address and port now, and those that only have the address."""
    alive = [s for s in cluster.services if life(s)[0] <= moment < life(s)[1]]
    own = [s for s in alive if ip in s.cluster_ips]
    right = [s for s in own if s.ports[0].port == port]
    if ip in node_addresses(cluster):
        right += [s for s in alive if s.ports[0].node_port == port]
    return right, own


def behind(cluster, service, family, moment):
    """{(pod position or None, address, port)} behind a Service now."""
    found = set()
    for piece in cluster.slices:
        if piece.service == service.name and life(piece)[0] <= moment < life(piece)[1]:
            for address, name in piece.endpoints:
                holders = [
                    at
                    for at, p in enumerate(cluster.pods)
                    if p.name == name and not p.host_network and address in p.ips
                ]
                sure = len({cluster.pods[at].workload for at in holders}) == 1
                if (":" in address) == (":" in family):
                    found.add((holders[0] if sure else None, address, piece.ports[0].port))
    return found


def destination(cluster, src_pod, ip, port, first, last):
    """All (class, reason, owner, pod name, port, hairpin, address) that the flow may have reached."""
    labels, ends, no_port, clash = set(), set(), None, False
    for moment in moments(first, last):
        right, own = services_at(cluster, ip, port, moment)
        clash |= len({s.name for s in right}) > 1
        for service in right:
            labels.add((service.name, f"shop/{service.name}:{service.ports[0].port}"))
            ends |= behind(cluster, service, ip, moment)
        if own and not right and no_port is None:
            no_port = min(f"shop/{s.name}" for s in own)
    if clash or len({name for name, _ in labels}) > 1:
        return {("ambiguous", "two_claimants" if clash else "owner_changed", "", "", port, False, ip)}
    if labels and not ends:
        return {("service", "no_backend", min(label for _, label in labels), "", port, False, ip)}
    if not labels:
        kind, reason, owner, pod = who(cluster, ip, first, last)
        if no_port and kind in {"unresolved", "external"}:
            kind, reason, owner = "service", "no_service_port", no_port
        itself = pod is not None and pod == src_pod
        return {(kind, reason, owner, "" if pod is None else cluster.pods[pod].name, port, itself, ip)}
    rows = []
    for pod, address, number in ends:
        known = ("pod", "behind_service", str(cluster.pods[pod].workload), pod) if pod is not None else None
        kind, reason, owner, at = known or who(cluster, address, first, last)
        rows.append((kind, reason, owner, at, number, "" if kind == "pod" else address))
    others = [row for row in rows if row[3] is None or row[3] != src_pod]
    merged = {}
    for kind, reason, owner, at, number, place in others or rows:
        pods, reasons = merged.setdefault((kind, owner, number, place), (set(), set()))
        pods.add(at)
        reasons.add(reason)
    return {
        (kind, frozenset(reasons), owner, cluster.pods[min(pods)].name if kind == "pod" and len(pods) == 1 else "",
         number, not others, place)
        for (kind, owner, number, place), (pods, reasons) in merged.items()
    }  # fmt: skip


def source(cluster, ip, first, last):
    kind, reason, owner, pod = who(cluster, ip, first, last)
    if kind in {"unresolved", "external"}:
        here = [{s.name for s in services_at(cluster, ip, None, moment)[1]} for moment in moments(first, last)]
        if any(len(names) > 1 for names in here):
            return "ambiguous", "two_claimants", "", None
        names = set().union(*here)
        if len(names) > 1:
            return "ambiguous", "owner_changed", "", None
        if names:
            return "service", "service_address", f"shop/{names.pop()}", None
    return kind, reason, owner, pod


def local(cluster, src, dst_pod):
    """Whether a source is the node of the one pod that it went to."""
    return src[0] == "node" and dst_pod is not None and cluster.pods[dst_pod].node == src[2]


def _name(row, end):
    parts = [row[f"{end}_owner_{part}"] for part in ("namespace", "kind", "name")]
    return "/".join(parts) if row[f"{end}_class"] == "pod" else parts[2]


def _is(row, want):
    kind, reason, owner, pod, port, hairpin, address = want
    return (
        (row["dst_class"], _name(row, "dst"), row["dst_owner_pod"], row["port"]) == (kind, owner, pod, port)
        and (kind == "pod" or row["dst_address"] == address)
        and row["dst_reason"] in ({reason} if isinstance(reason, str) else reason)
        and (row["hairpin"] or row["src_class"] == "service") == (hairpin or row["src_class"] == "service")
    )


@settings(max_examples=300, deadline=None)
@given(clusters(), st.lists(_FLOW, min_size=1, max_size=6))
def test_b7_b10_every_flow_is_resolved_as_the_plain_reference_does(cluster, asked):
    rows = [
        flow(src, dst, port, at=ZERO + pd.Timedelta(seconds=first), lasting=lasting)
        for src, dst, port, first, lasting in asked
    ]
    resolved = resolve(flows(*rows), cluster)
    RESOLVED.check(resolved)
    found = resolved.astype(object).to_dict("records")
    for number, (src, dst, port, first, lasting) in enumerate(asked):
        initiator = source(cluster, src, first, first + lasting)
        wanted = destination(cluster, initiator[3], dst, port, first, first + lasting)
        own = [row for row in found if row["flow"] == number]
        for row in own:
            reason = row["src_reason"].replace("node_snat", "node_address")
            assert (row["src_class"], reason, _name(row, "src")) == initiator[:3]
            assert row["src_owner_pod"] == ("" if initiator[3] is None else cluster.pods[initiator[3]].name)
            names = [at for at, p in enumerate(cluster.pods) if p.name == row["dst_owner_pod"]]
            nodes = {local(cluster, initiator, at) for at in names if row["dst_class"] == "pod"} or {False}
            assert row["node_local"] in nodes
        assert len(own) == len(wanted)
        assert all(any(_is(row, want) for want in wanted) for row in own)
        assert all(any(_is(row, want) for row in own) for want in wanted)
        assert {row["backend_guessed"] for row in own} == {len(wanted) > 1}
