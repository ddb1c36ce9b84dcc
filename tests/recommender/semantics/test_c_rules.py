"""C16 to C24: what the rules look like, and what they never are."""

import re

import pytest

from collectors.errors import PodfenceError
from recommender.half_decided import refuse_half_decided
from recommender.policy import LabelSelector
from tests.cluster import deployment, flow, meta, owner, pod, service, slices
from tests.recommender.semantics.river import API, DB, EARLY, OUTSIDE, WEB, case, params
from tests.recommender.semantics.views import (
    documents,
    having,
    numbers,
    peers,
    policies,
    rules,
    selectors,
    sorted_out,
    withheld,
)

WEB_TO_API, WEB_TO_DB = "web -> api TCP/3000", "web -> data/db TCP/5432"
CALL, QUERY = flow(WEB, API, 3000), flow(WEB, DB, 5432)
NEW = "10.0.0.70"


def refused(found):
    """Return what exporting says without the flag, and whether it passes with it."""
    refuse_half_decided(found.reviewed, allow_incomplete=True)
    try:
        refuse_half_decided(found.reviewed)
    except PodfenceError as fault:
        return re.sub(r"\(.*\)", "(...)", str(fault)).partition(";")[0]
    return ""


OPEN = ["shop/Deployment/api Egress", "shop/Deployment/web Ingress"]
DECIDED = [
    case("C16-one_rule_isolates_each_end_in_its_direction", policies,
         {"shop/api-podfence": ("Ingress",), "shop/web-podfence": ("Egress",)}, CALL),
    case("C16-types_are_written", lambda found: re.findall(r"policyTypes:\n  - (\w+)", documents(found)),
         ["Ingress", "Egress"], CALL),
    case("C16-types_are_written_where_everything_is_closed",
         lambda found: re.findall(r"podSelector: \{\}\n  policyTypes:\n  - (\w+)\n  - (\w+)", documents(found)),
         [("Ingress", "Egress")], CALL, default_deny=True),
    case("C16-no_decision_isolates_nothing", policies, {}, CALL, accept=False),
    case("C16-a_decline_isolates_nothing", policies, {}, CALL, decisions={WEB_TO_API: "decline"}),
    case("C16-what_stays_open_is_said",
         lambda found: [way for way in numbers("open_directions")(found)["open_directions"] if "shop" in way], OPEN,
         CALL),
    case("C16-a_half_decided_direction_is_not_exported", refused,
         "1 workload directions are half decided (...) and exporting them would cut off 1 undecided communications",
         CALL, QUERY, decisions={WEB_TO_API: "accept"}, accept=False),
    case("C16-a_decided_one_is", refused, "", CALL, QUERY, decisions={WEB_TO_DB: "decline"}),
    case("C16-what_would_break_is_counted", numbers("undecided_denied"), {"undecided_denied": 1}, CALL, QUERY,
         decisions={WEB_TO_API: "accept"}, accept=False),
]  # fmt: skip


def empty_peers(found):
    """Return the rules and peers that take anyone."""
    every = [rule for policy in found.policies for rule in (*policy.ingress, *policy.egress)]
    blank = (None, LabelSelector())
    open_to_all = [rule for rule in every if not rule.peers or not rule.ports]
    return open_to_all + [
        one for rule in every for one in rule.peers if one.ip_block is None and one.pod_selector in blank
    ]


ALL_SORTS = [
    CALL, QUERY, flow(OUTSIDE, API, 3000), flow("10.9.9.9", API, 3000), flow(WEB, "10.96.0.1", 443),
    flow(WEB, "10.96.0.99", 80), flow("10.0.0.71", API, 3000), flow("192.168.0.2", API, 3000),
]  # fmt: skip
ODD = [
    service("kubernetes", "10.96.0.1", 443, ns="default"),
    slices("kubernetes", 6443, [("172.20.0.10", "")], ns="default"), service("empty", "10.96.0.99", 80),
    pod("bare", "10.0.0.71", {}, start=EARLY),
]  # fmt: skip
EMPTY = [
    case("C17-no_peer_is_empty", empty_peers, [], *ALL_SORTS, also=ODD),
    case("C17-no_peer_is_empty_where_everything_is_closed", empty_peers, [], *ALL_SORTS, also=ODD, default_deny=True),
    case("C17-an_unresolvable_peer_opens_nothing", sorted_out,
         ([], {"10.9.9.9 -> api TCP/3000": "unresolved"}), flow("10.9.9.9", API, 3000)),
    case("C17-a_peer_without_labels_opens_nothing", sorted_out,
         ([], {"bare -> api TCP/3000": "no_subject"}), flow("10.0.0.71", API, 3000), also=ODD),
    case("C17-default_kubernetes_is_no_empty_selector", peers, ["172.20.0.10/32"], flow(WEB, "10.96.0.1", 443),
         also=ODD),
]  # fmt: skip


def pods_of(kind, *labels, name="x"):
    """Pods with these labels whose controller is not in the inventory."""
    return [pod(f"{name}-{at}", f"10.0.0.{70 + at}", own, start=EARLY, owners=owner(kind, name, f"uid-{name}"))
            for at, own in enumerate(labels)]  # fmt: skip


def chosen(name, wants, *also):
    """A case: the selector of the workload that has the pod at NEW."""
    return case(name, lambda found: [text for text in selectors(found) if text != "app=api"], wants,
                flow(NEW, API, 3000), also=also)  # fmt: skip


HASHES = {"app": "x", "pod-template-hash": "6d4cf56db6"}
REPLICA = {"app": "x", "controller-revision-hash": "x-6d4cf56db6"}
ORDINAL = {"statefulset.kubernetes.io/pod-name": "x-0", "apps.kubernetes.io/pod-index": "0"}
OF_JOB = {
    "controller-uid": "a1", "batch.kubernetes.io/controller-uid": "a1", "job-name": "x-1",
    "batch.kubernetes.io/job-name": "x-1",
}  # fmt: skip
RELEASE = [*deployment("x", [NEW], labels={"app": "x", "release": "7"}, selector={"app": "x"}, start=EARLY)]
CANARY = [
    deployment("main", [NEW], labels={"app": "m"}, start=EARLY),
    deployment("canary", ["10.0.0.71"], labels={"app": "m", "track": "canary"}, start=EARLY),
]
TWINS = [
    deployment(name, [ip], labels={"app": "t", "tier": name}, selector={"app": "t"}, start=EARLY)
    for name, ip in (("front", NEW), ("rear", "10.0.0.71"))
]
RENEWED = deployment("x", [NEW], labels={"app": "x", "build": "1"}, selector={"app": "x"}, start=EARLY)
RENEWED[0]["spec"]["template"]["metadata"]["labels"] = {"app": "x", "build": "2"}
TO_BE = [
    {"kind": "StatefulSet", "metadata": meta("x", "shop", "uid-x"), "spec": {
        "template": {"metadata": {"labels": {"app": "x", "shard": "b"}}}}},
    *pods_of("StatefulSet", {"app": "x", "shard": "a"}),
]  # fmt: skip
SELECTORS = [
    chosen("C18-the_controllers_own", ["app=x"], RELEASE),
    chosen("C18-no_template_hash", ["app=x"], *pods_of("ReplicaSet", HASHES)),
    chosen("C18-no_revision_hash", ["app=x"], *pods_of("DaemonSet", REPLICA | {"pod-template-generation": "3"})),
    chosen("C18-no_replica_is_pinned", ["app=x"], *pods_of("StatefulSet", REPLICA | ORDINAL)),
    chosen("C18-no_job_is_pinned", ["app=x"], *pods_of("Job", {"app": "x"} | OF_JOB)),
    chosen("C18-no_label_that_varies", ["app=x"],
           *pods_of("Weaver", {"app": "x", "color": "red"}, {"app": "x", "color": "blue"})),
    chosen("C18-no_label_that_the_next_rollout_changes", ["app=x"], RENEWED),
    chosen("C18-no_label_that_the_next_replica_lacks", ["app=x"], *TO_BE),
    chosen("C18-a_label_more_where_the_controllers_own_takes_others_too", ["app=t,tier=front"], *TWINS),
    case("C18-a_canary_under_the_main_selector_is_one_subject",
         lambda found: (selectors(found), having("inseparable")(found)),
         (["app=api", "app=m"], ["canary -> api TCP/3000", "main -> api TCP/3000"]),
         flow(NEW, API, 3000), flow("10.0.0.71", API, 3000), also=CANARY),
    case("C18-the_report_says_so", lambda found: found.reviewed.suggestions.items[0].communication.src.name + ": "
         + found.reviewed.suggestions.subjects[found.reviewed.suggestions.items[0].egress_of].reason,
         "main: no selector tells these workloads apart", flow(NEW, API, 3000), also=CANARY),
    case("C18-only_hashes_are_no_selector", withheld, {"x -> api TCP/3000": "no_subject"}, flow(NEW, API, 3000),
         also=pods_of("ReplicaSet", {"pod-template-hash": "6d4cf56db6"})),
]  # fmt: skip

NAMESPACES = [
    case("C19-the_name_label", peers, ["[kubernetes.io/metadata.name=data] app=db",
                                       "[kubernetes.io/metadata.name=shop] app=web"], QUERY),
    case("C19-none_in_the_own_namespace", peers, ["app=api", "app=web"], CALL),
]  # fmt: skip

OUT = "app=web Egress:"
ADDRESSES = [
    case("C20-slash32", rules, [f"{OUT} {OUTSIDE}/32 on TCP/443"], flow(WEB, OUTSIDE, 443)),
    case("C20-slash128", rules, [f"{OUT} 2001:db8:7::5/128 on TCP/443"], flow(WEB, "2001:db8:7::5", 443)),
    case("C20-a_source_outside", rules, [f"app=api Ingress: {OUTSIDE}/32 on TCP/3000"], flow(OUTSIDE, API, 3000)),
    case("C20-neighbours_are_not_joined", peers, [f"203.0.113.{at}/32" for at in range(4, 8)],
         *[flow(WEB, f"203.0.113.{at}", 443) for at in range(4, 8)]),
    case("C20-an_ipv4_address_in_ipv6_is_ipv4", peers, [f"{OUTSIDE}/32"], flow(WEB, f"::ffff:{OUTSIDE}", 443)),
    case("C20-nothing_beyond_by_default", numbers("excess"), {"excess": 0}, flow(WEB, OUTSIDE, 443)),
]  # fmt: skip

MANY = [flow(WEB, API, 4000 + 2 * at) for at in range(30)]
NUMBERED = [
    case("C21-exact", rules, ["app=api Ingress: app=web on TCP/3000", f"{OUT} app=api on TCP/3000"], CALL),
    case("C21-thirty_ports_are_thirty", rules,
         [f"{who} on {' '.join(f'TCP/{4000 + 2 * at}' for at in range(30))}"
          for who in ("app=api Ingress: app=web", f"{OUT} app=api")], *MANY),
    case("C21-neighbours_are_no_range", rules,
         ["app=api Ingress: app=web on TCP/4000 TCP/4001 TCP/4002", f"{OUT} app=api on TCP/4000 TCP/4001 TCP/4002"],
         *[flow(WEB, API, port) for port in (4000, 4001, 4002)]),
    case("C21-never_any_port", empty_peers, [], *MANY),
]  # fmt: skip

BEYOND = [
    *[
        case(f"C22-{protocol}", lambda found: (documents(found), list(withheld(found).values())),
             ("", ["inexpressible"]), flow(WEB, API, 0, protocol))
        for protocol in ("ICMP", "ICMPv6", "47", "50")
    ],
    case("C22-sctp_is_expressible", rules, ["app=api Ingress: app=web on SCTP/3868", f"{OUT} app=api on SCTP/3868"],
         flow(WEB, API, 3868, "SCTP")),
    case("C22-what_it_costs_is_counted", numbers("withheld", "withheld_denied"),
         {"withheld": {"inexpressible": 1}, "withheld_denied": 0}, CALL, flow(WEB, API, 0, "ICMP")),
]  # fmt: skip

RESOLVERS = deployment("coredns", ["10.0.2.2", "10.0.2.3"], ns="kube-system", labels={"k8s-app": "kube-dns"},
                       start=EARLY)  # fmt: skip
DNS = [service("kube-dns", "10.96.0.10", 53, ns="kube-system", protocol="UDP"),
       slices("kube-dns", 5353, [("10.0.2.2", "coredns-5d9c7b-0")], ns="kube-system", protocol="UDP")]  # fmt: skip
TO_DNS = "[kubernetes.io/metadata.name=kube-system] k8s-app=kube-dns"


def resolved(name, wants, *rows, also=()):
    """A case: the rules out of the web."""
    return case(name, lambda found: [text for text in rules(found) if text.startswith(OUT)], wants, *rows, also=also)


RESOLUTION = [
    resolved("C23-the_resolvers_that_were_seen", [f"{OUT} {TO_DNS} on UDP/53"], flow(WEB, "10.0.2.2", 53, "UDP"),
             also=RESOLVERS),
    resolved("C23-tcp_is_not_added_unasked", [f"{OUT} {TO_DNS} on UDP/53"], flow(WEB, "10.0.2.3", 53, "UDP"),
             also=RESOLVERS),
    resolved("C23-openshift_5353", [f"{OUT} {TO_DNS} on UDP/5353"], flow(WEB, "10.96.0.10", 53, "UDP"),
             also=[RESOLVERS, *DNS]),
    resolved("C23-node_local_dns", [f"{OUT} 169.254.20.10/32 on UDP/53"], flow(WEB, "169.254.20.10", 53, "UDP")),
    resolved("C23-a_cloud_resolver", [f"{OUT} 169.254.169.253/32 on UDP/53"], flow(WEB, "169.254.169.253", 53, "UDP")),
    resolved("C23-a_public_resolver", [f"{OUT} 198.51.100.53/32 on TCP/53 UDP/53"],
             flow(WEB, "198.51.100.53", 53, "UDP"), flow(WEB, "198.51.100.53", 53)),
    resolved("C23-none_seen_none_opened", [f"{OUT} app=api on TCP/3000"], CALL, also=RESOLVERS),
    case("C23-never_to_anywhere", empty_peers, [], flow(WEB, "10.0.2.2", 53, "UDP"), flow(WEB, "10.9.9.9", 53, "UDP"),
         also=RESOLVERS),
]  # fmt: skip

GROUPS = [
    case("C24-peers_of_the_same_ports_share_a_rule", rules,
         [f"{OUT} {OUTSIDE}/32 | 203.0.113.9/32 on TCP/80 TCP/443"],
         *[flow(WEB, ip, port) for ip in (OUTSIDE, "203.0.113.9") for port in (80, 443)]),
    case("C24-peers_of_other_ports_do_not", rules,
         [f"{OUT} 203.0.113.9/32 on TCP/80", f"{OUT} {OUTSIDE}/32 on TCP/80 TCP/443"],
         flow(WEB, OUTSIDE, 80), flow(WEB, OUTSIDE, 443), flow(WEB, "203.0.113.9", 80)),
    case("C24-both_directions_are_one_policy", policies, {"shop/api-podfence": ("Ingress", "Egress"),
                                                          "shop/web-podfence": ("Egress",),
                                                          "data/db-podfence": ("Ingress",)},
         CALL, flow(API, DB, 5432)),
    case("C24-default_deny_when_asked", lambda found: [name for name in policies(found) if "deny" in name],
         ["data/default-deny-podfence", "shop/default-deny-podfence"], QUERY, default_deny=True),
    case("C24-and_not_unasked", lambda found: [name for name in policies(found) if "deny" in name], [], QUERY),
]  # fmt: skip

CASES = [
    *DECIDED, *EMPTY, *SELECTORS, *NAMESPACES, *ADDRESSES, *NUMBERED, *BEYOND, *RESOLUTION, *GROUPS,
]  # fmt: skip


@pytest.mark.parametrize("one", params(CASES))
def test_rules(one):
    assert one.act() == one.wants
