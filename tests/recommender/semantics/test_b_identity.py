"""B7 to B15: how an address becomes a workload, and what it becomes where it was nobody's."""

import tempfile
from pathlib import Path

import pytest

from collectors.inventory_store import load_inventory
from tests.cluster import deployment, event, flow, meta, node, owner, pod, service, slices, write_timeline
from tests.collectors.capture.frames import pcap, session, tcp, timed, udp
from tests.collectors.capture.messages import hello, simple
from tests.recommender.semantics.river import API, DB, EARLY, NODE1, NODE2, OUTSIDE, WEB, WEB2, case, params
from tests.recommender.semantics.views import (
    evidence,
    findings,
    having,
    kinds,
    numbers,
    peers,
    policies,
    rules,
    sorted_out,
    suggested,
    withheld,
)

REUSED = "10.0.0.70"
JOB = pod("job", REUSED, {"app": "job"}, start=EARLY, phase="Succeeded", finished="2026-11-01T10:30:00Z")
AFTER_JOB = pod("late", REUSED, {"app": "late"}, start="2026-11-01T10:40:00Z")
WEB_TO_API = "web -> api TCP/3000"


def at(clock, src=REUSED, **more):
    return flow(src, API, 3000, at=f"2026-11-01T{clock}:00Z", **more)


def watched(*events):
    """Return what gives the inventory of a timeline in the place of that of objects."""

    def known(_):
        with tempfile.TemporaryDirectory() as folder:
            write_timeline(Path(folder) / "all.jsonl", list(events))
            return load_inventory(Path(folder))

    return known


API_POD = pod("api", API, {"app": "api"}, ports=[{"containerPort": 3000}], start=EARLY)
GONE = watched(
    event("ADDED", "2026-11-01T09:00:00Z", API_POD),
    event("ADDED", "2026-11-01T09:00:00Z", pod("gone", REUSED, {"app": "gone"}, start=EARLY)),
    event("DELETED", "2026-11-01T11:30:00Z", pod("gone", REUSED, {"app": "gone"}, start=EARLY)),
    event("ADDED", "2026-11-01T11:40:00Z", pod("next", REUSED, {"app": "next"}, start="2026-11-01T11:40:00Z")),
)
OWNERS = [
    case("B7-each_flow_at_its_own_time", suggested, ["job -> api TCP/3000", "late -> api TCP/3000"],
         at("10:20"), at("10:50"), also=[JOB, AFTER_JOB]),
    case("B7-a_succeeded_pod_keeps_its_ip_and_owns_nothing", suggested, ["late -> api TCP/3000"],
         at("10:50"), also=[JOB, AFTER_JOB]),
    case("B7-a_failed_pod_likewise", sorted_out, ([], {f"{REUSED} -> api TCP/3000": "unresolved"}), at("10:50"),
         also=[pod("crash", REUSED, start=EARLY, phase="Failed", finished="2026-11-01T10:30:00Z")]),
    case("B7-between_two_owners_nobody", kinds, {REUSED: "unresolved"}, at("10:35"), also=[JOB, AFTER_JOB]),
    case("B7-a_deleted_pod_stays_known", suggested, ["gone -> api TCP/3000", "next -> api TCP/3000"],
         at("11:00"), at("11:50"), known=GONE),
    case("B7-over_a_change_of_owner_is_ambiguous", sorted_out, ([], {f"{REUSED} -> api TCP/3000": "ambiguous"}),
         at("10:29", lasting=59), also=[JOB, pod("late", REUSED, {"app": "late"}, start="2026-11-01T10:29:30Z")]),
    case("B7-two_owners_are_ambiguous", sorted_out, ([], {f"{REUSED} -> api TCP/3000": "ambiguous"}), at("11:00"),
         also=[pod("one", REUSED, {"app": "one"}), pod("two", REUSED, {"app": "two"})]),
    case("B7-ip_reused_has_a_caveat", having("ip_reused"), ["job -> api TCP/3000", "late -> api TCP/3000"],
         at("10:20"), at("10:50"), flow(WEB, API, 3000), also=[JOB, AFTER_JOB]),
]  # fmt: skip

HONEST = {"src_namespace": "shop", "src_pod": "web-5d9c7b-0", "dst_namespace": "shop", "dst_pod": "api-5d9c7b-0"}
FALSE = {"src_namespace": "data", "src_pod": "db-5d9c7b-0"}
CLAIMS = [
    case("B8-a_claim_that_agrees_is_no_finding", lambda found: (suggested(found), findings(found)), ([WEB_TO_API], []),
         flow(WEB, API, 3000, **HONEST)),
    case("B8-a_claim_that_differs_is_a_finding", lambda found: [kind for kind, _ in findings(found)],
         ["identity_conflict"], flow(WEB, API, 3000, **FALSE)),
    case("B8-the_inventory_is_believed", lambda found: (suggested(found), having("identity_conflict")(found)),
         ([WEB_TO_API], [WEB_TO_API]), flow(WEB, API, 3000, **FALSE)),
    case("B8-a_claim_tells_who_an_unknown_address_was", suggested, [WEB_TO_API],
         flow("10.7.7.7", API, 3000, **HONEST)),
    case("B8-a_claim_for_nobody_is_not_believed", sorted_out, ([], {"10.7.7.7 -> api TCP/3000": "unresolved"}),
         flow("10.7.7.7", API, 3000, src_namespace="shop", src_pod="invented")),
    case("B8-a_claim_decides_which_backend_answered", suggested, [WEB_TO_API], flow(WEB, "10.96.0.5", 80, **HONEST),
         also=[service("any", "10.96.0.5", 80), slices("any", 3000, [(API, "api-5d9c7b-0"), (WEB2, "web-5d9c7b-1")])]),
]  # fmt: skip


def owned(kind, *objects, name="x-0", more=None):
    """Objects of one pod, labelled app=x, whose controller is `x` of a kind."""
    return [*objects, pod(name, REUSED, {"app": "x", **(more or {})}, start=EARLY, owners=owner(kind, "x", "uid-x"))]


def root(name, kind, *also):
    return case(name, lambda found: [str(i.communication.src) for i in found.reviewed.accepted], [f"shop/{kind}/x"],
                at("11:00"), also=also)  # fmt: skip


def controlled(kind, *references):
    return {"kind": kind, "metadata": meta("x", "shop", "uid-x", ownerReferences=list(references)), "spec": {}}


ROOTS = [
    root("B9-deployment", "Deployment", deployment("x", [REUSED], start=EARLY)),
    root("B9-cron_job", "CronJob", *owned("Job", controlled("Job", *owner("CronJob", "x", "uid-cron")))),
    root("B9-stateful_set", "StatefulSet", *owned("StatefulSet", controlled("StatefulSet"))),
    root("B9-daemon_set", "DaemonSet", *owned("DaemonSet", controlled("DaemonSet"))),
    root("B9-rollout", "Rollout", *owned("ReplicaSet", controlled("ReplicaSet", *owner("Rollout", "x", "uid-r")))),
    root("B9-any_controller", "SearchCluster", *owned("SearchCluster")),
    root("B9-bare_pod", "Pod", pod("x", REUSED, {"app": "x"}, start=EARLY)),
    root("B9-mirror_pod", "Pod",
         pod("x", REUSED, {"app": "x"}, start=EARLY, owners=owner("Node", "node-1", "uid-node"))),
    case("B9-one_name_in_two_namespaces", lambda found: (suggested(found), sorted(policies(found))),
         (["web -> data/web TCP/80"], ["data/web-podfence", "shop/web-podfence"]), flow(WEB, "10.0.1.9", 80),
         also=[deployment("web", ["10.0.1.9"], ns="data", start=EARLY)]),
]  # fmt: skip

BEHIND = slices("api", 3000, [(API, "api-5d9c7b-0")])
FRONT = service("api", "10.96.0.5", 80, entry={"nodePort": 30080}, externalIPs=["198.51.100.7"])
BALANCED = {**FRONT, "status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.80"}]}}}
LEGACY = [service("legacy", "10.96.0.7", 1521), slices("legacy", 1522, [("192.0.2.51", "")])]
NAMED = [{"containerPort": 3000, "name": "http"}]
THROUGH = [
    case("B10-cluster_ip_becomes_pod_and_pod_port", rules,
         ["app=api Ingress: app=web on TCP/3000", "app=web Egress: app=api on TCP/3000"],
         flow(WEB, "10.96.0.5", 80), also=[FRONT, BEHIND]),
    case("B10-node_port", rules, [f"app=api Ingress: {OUTSIDE}/32 on TCP/3000"], flow(OUTSIDE, NODE2, 30080),
         also=[FRONT, BEHIND]),
    case("B10-load_balancer_ip", suggested, [f"{OUTSIDE} -> api TCP/3000"], flow(OUTSIDE, "198.51.100.80", 80),
         also=[BALANCED, BEHIND]),
    case("B10-external_ip", suggested, [f"{OUTSIDE} -> api TCP/3000"], flow(OUTSIDE, "198.51.100.7", 80),
         also=[FRONT, BEHIND]),
    case("B10-port_by_name", suggested, ["web -> named TCP/3000"], flow(WEB, "10.96.0.8", 80),
         also=[deployment("named", [REUSED], ports=NAMED, start=EARLY),
               service("named", "10.96.0.8", 80, selector={"app": "named"}, entry={"targetPort": "http"})]),
    case("B10-no_selector_means_the_slices_addresses", rules, ["app=web Egress: 192.0.2.51/32 on TCP/1522"],
         flow(WEB, "10.96.0.7", 1521), also=LEGACY),
    case("B10-the_service_port_is_kept_as_evidence", evidence("services"), {WEB_TO_API: ("shop/api:80",)},
         flow(WEB, "10.96.0.5", 80), also=[FRONT, BEHIND]),
    case("B10-the_address_before_dnat_is_kept_as_evidence", evidence("services"), {WEB_TO_API: ("shop/api:80",)},
         flow(WEB, API, 3000, service_ip="10.96.0.5", service_port=80), also=[FRONT, BEHIND]),
    case("B10-several_workloads_behind_are_guessed", having("backend_guessed"),
         [WEB_TO_API, "web -> data/db TCP/3000"], flow(WEB, "10.96.0.5", 80),
         also=[FRONT, slices("api", 3000, [(API, "api-5d9c7b-0")]), slices("api", 3000, [(DB, "")]) | {
             "metadata": meta("api-other", "shop", labels={"kubernetes.io/service-name": "api"})}]),
    case("B10-nothing_behind_is_withheld", withheld, {"web -> 10.96.0.5 TCP/80": "service"},
         flow(WEB, "10.96.0.5", 80), also=[FRONT]),
]  # fmt: skip

MASTER = "172.20.0.10"
KUBERNETES = [
    service("kubernetes", "10.96.0.1", 443, ns="default"),
    slices("kubernetes", 6443, [(MASTER, "")], ns="default"),
]
API_SERVER = [
    case("B11-egress_to_it_is_its_address_and_port", rules, [f"app=web Egress: {MASTER}/32 on TCP/6443"],
         flow(WEB, "10.96.0.1", 443), also=KUBERNETES),
    case("B11-never_every_pod", peers, [f"{MASTER}/32"], flow(WEB, "10.96.0.1", 443), also=KUBERNETES),
    case("B11-it_has_a_caveat", having("api_server"), [f"web -> {MASTER} TCP/6443"], flow(WEB, MASTER, 6443),
         also=KUBERNETES),
    case("B11-it_is_an_end_of_its_own_kind", kinds, {MASTER: "api_server"}, flow(WEB, MASTER, 6443), also=KUBERNETES),
    case("B11-also_at_a_nodes_address", kinds, {NODE2: "api_server"}, flow(WEB, NODE2, 6443),
         also=[KUBERNETES[0], slices("kubernetes", 6443, [(NODE2, "")], ns="default")]),
]  # fmt: skip

AGENT = pod(
    "agent", NODE2, {"app": "agent"}, host_network=True, node="node-2", ports=[{"containerPort": 9100}], start=EARLY
)
NEAR = [
    service("web", "10.96.0.6", 80),
    slices("web", 8080, [(WEB, "web-5d9c7b-0"), (WEB2, "web-5d9c7b-1")]),
]
NODES = [
    case("B12-a_probe_of_the_own_node_needs_no_rule", sorted_out, ([], {f"{NODE1} -> api TCP/3000": "node_local"}),
         flow(NODE1, API, 3000)),
    case("B12-nor_does_one_through_a_service_with_all_its_pods_on_the_own_node", sorted_out,
         ([], {f"{NODE1} -> web TCP/8080": "node_local"}), flow(NODE1, "10.96.0.6", 80), also=NEAR),
    case("B12-a_host_network_pod_is_its_node", kinds, {NODE2: "node"}, flow(WEB, NODE2, 9100), also=[AGENT]),
    case("B12-as_a_peer_it_is_an_address", rules, [f"app=web Egress: {NODE2}/32 on TCP/9100"], flow(WEB, NODE2, 9100),
         also=[AGENT]),
    case("B12-as_a_peer_it_has_a_caveat", having("host_network"), [f"web -> {NODE2} TCP/9100"],
         flow(WEB, NODE2, 9100), also=[AGENT]),
    case("B12-it_is_no_subject_of_a_policy", lambda found: (rules(found), policies(found)),
         ([f"app=api Ingress: {NODE2}/32 on TCP/3000"], {"shop/api-podfence": ("Ingress",)}),
         flow(NODE2, API, 3000), also=[AGENT]),
    case("B12-that_no_policy_applies_is_said", numbers("beyond_policy"), {"beyond_policy": ["shop/Pod/agent"]},
         flow(WEB, API, 3000), also=[AGENT]),
]  # fmt: skip

SELF = [service("web", "10.96.0.6", 80), slices("web", 8080, [(WEB, "web-5d9c7b-0")])]
MASKED = [
    case("B13-a_node_at_another_nodes_pod_is_not_the_client", having("node_snat"), [f"{NODE2} -> api TCP/3000"],
         flow(NODE2, API, 3000)),
    case("B13-a_node_behind_a_node_port_is_not_the_client", having("node_snat"), [f"{NODE2} -> far TCP/3000"],
         flow(NODE2, REUSED, 3000), also=[
             pod("far", REUSED, {"app": "far"}, start=EARLY, node="node-1"),
             service("far", "10.96.0.9", 80, entry={"nodePort": 30081}), slices("far", 3000, [(REUSED, "far")])]),
    case("B13-a_hairpin_is_no_peer", sorted_out, ([], {"web -> web TCP/8080": "hairpin"}), flow(WEB, "10.96.0.6", 80),
         also=SELF),
    case("B13-a_hairpin_seen_from_the_service", lambda found: sorted(withheld(found).values()), ["hairpin"],
         flow("10.96.0.6", WEB, 8080), also=SELF),
]  # fmt: skip


def known_as(address, kind, dst=True, **more):
    row = flow(WEB, address, 443, "UDP") if dst else flow(address, API, 3000)
    name = "".join(letter if letter.isalnum() else "_" for letter in address)
    return case(f"B14-{name}_is_{kind}", kinds, {address: kind}, row, **more)


RANGED = [{**node("node-3", "192.168.0.3"), "spec": {"podCIDR": "198.51.100.0/24"}}]
CLASSES = [
    known_as("10.9.9.9", "unresolved"),
    known_as("172.16.1.1", "unresolved"),
    known_as("100.64.0.1", "unresolved"),
    known_as("fd12::1", "unresolved"),
    known_as("198.51.100.9", "unresolved", also=RANGED),
    known_as("203.0.113.77", "external"),
    known_as("2001:db8:1::9", "external"),
    known_as("169.254.20.10", "link_local"),
    known_as("169.254.169.254", "link_local"),
    known_as("224.0.0.251", "multicast"),
    known_as("ff02::fb", "multicast"),
    known_as("255.255.255.255", "broadcast"),
    known_as("127.0.0.1", "loopback"),
    known_as("::1", "loopback"),
    case("B14-an_unresolved_address_is_no_peer", sorted_out,
         ([], {"web -> 10.9.9.9 TCP/443": "unresolved", "10.9.9.9 -> api TCP/3000": "unresolved"}),
         flow(WEB, "10.9.9.9", 443), flow("10.9.9.9", API, 3000)),
    case("B14-link_local_services_have_a_caveat", having("link_local"),
         ["web -> 169.254.169.254 TCP/80", "web -> 169.254.20.10 UDP/53"],
         flow(WEB, "169.254.20.10", 53, "UDP"), flow(WEB, "169.254.169.254", 80)),
    case("B14-groups_are_withheld", withheld, {"web -> 224.0.0.251 UDP/5353": "not_routed"},
         flow(WEB, "224.0.0.251", 5353, "UDP")),
]  # fmt: skip

RESOLVER, SITE = "198.51.100.53", "203.0.113.1"
LOOKUP = [udp(WEB, 5000, RESOLVER, 53, simple("api.example.com", flags=0x0100)),
          udp(RESOLVER, 53, WEB, 5000, simple("api.example.com", SITE))]  # fmt: skip
CALL = session(WEB, SITE, sport=443)
GREETED = [*CALL[:3], tcp(WEB, 40000, SITE, 443, 0x18, hello("tls.example.com")), *CALL[4:]]


def called(found):
    return {address: seen.evidence.names for seen in found.communications
            for address in [getattr(seen.dst, "address", "")] if address == SITE}  # fmt: skip


NAMES = [
    case("B15-by_a_dns_answer", called, {SITE: ("api.example.com",)},
         captures={"a.pcap": pcap(timed([*LOOKUP, *CALL]))}),
    case("B15-by_a_tls_greeting", called, {SITE: ("tls.example.com",)}, captures={"a.pcap": pcap(timed(GREETED))}),
    case("B15-a_name_is_evidence_and_the_rule_an_address", peers, ["198.51.100.53/32", f"{SITE}/32"],
         captures={"a.pcap": pcap(timed([*LOOKUP, *CALL]))}),
]  # fmt: skip

CASES = [*OWNERS, *CLAIMS, *ROOTS, *THROUGH, *API_SERVER, *NODES, *MASKED, *CLASSES, *NAMES]


@pytest.mark.parametrize("one", params(CASES))
def test_identity(one):
    assert one.act() == one.wants
