"""D29 to D32: the numbers are honest, and the simulator that they rest on knows NetworkPolicy."""

import pandas as pd
import pytest

from recommender.manifest import policies_from_yaml
from recommender.simulate import excess, judge
from tests.cluster import deployment, flow, inventory, meta, namespace, node, pod
from tests.recommender.semantics.river import (
    API,
    DB,
    EARLY,
    NODE1,
    NODE2,
    OUTSIDE,
    WEB,
    WEB2,
    Case,
    case,
    concluded,
    params,
    window,
)
from tests.recommender.semantics.views import numbers

CALL, QUERY = flow(WEB, API, 3000), flow(WEB, DB, 5432)
WEB_TO_API, WEB_TO_DB = "web -> api TCP/3000", "web -> data/db TCP/5432"


def cron(name, schedule):
    template = {"spec": {"template": {"metadata": {"labels": {"job": name}}}}}
    spec = {"schedule": schedule, "jobTemplate": template}
    return {"kind": "CronJob", "metadata": meta(name, "shop", f"uid-{name}"), "spec": spec}


def learnt(name, view, wants, *rows, **world):
    return case(f"D29-{name}", lambda found: view(found.coverage), wants, *rows, **world)


def of(name):
    """Return a view: the coverage of one workload."""
    return lambda coverage: next(one for one in coverage.workloads if one.workload.name == name)


MINUTES = [flow(WEB, API, 3000, at=f"2026-11-01T11:{at:02}:00Z", connections=3) for at in range(8)]
COVERAGE = [
    learnt("connections", lambda all_of: (all_of.seen.connections, all_of.seen.unseen.edges), (25, 2), *MINUTES, QUERY),
    learnt("edges_seen_once", lambda all_of: all_of.seen.unseen.once, 1, *MINUTES, QUERY),
    learnt("chance_of_an_unseen_edge", lambda all_of: all_of.seen.unseen.chance, 1 / 9, *MINUTES, QUERY),
    learnt("chance_has_a_bound", lambda all_of: 1 / 9 < all_of.seen.unseen.chance_most <= 1, True, *MINUTES, QUERY),
    learnt("per_workload", lambda all_of: [of(name)(all_of).seen.unseen.chance for name in ("web", "api", "db")],
           [1 / 9, 0.0, 1.0], *MINUTES, QUERY),
    learnt("new_edges_over_time", lambda all_of: (all_of.seen.curve[0], all_of.seen.curve[11], all_of.seen.curve[-1]),
           (0, 1, 2), *MINUTES, flow(WEB, DB, 5432, at="2026-11-01T11:50:00Z")),
    learnt("workloads_without_traffic", lambda all_of: list(map(str, all_of.silent)), ["data/Deployment/db"], CALL),
    learnt("cron_jobs_that_need_not_have_run", lambda all_of: [one.workload.name for one in all_of.unwatched],
           ["weekly"], CALL, also=[cron("weekly", "0 3 * * 0"), cron("often", "*/5 * * * *")]),
    learnt("losses", lambda all_of: [(one.source, one.lost) for one in all_of.losses], [("test.pcap", 7)], CALL,
           seen_in=window(drops=7)),
    learnt("a_short_look_is_still_learning", lambda all_of: all_of.verdict, "learning", CALL,
           seen_in=window(end="2026-11-01T10:30:00Z")),
]  # fmt: skip

TYPES = "policyTypes: [Ingress]"


def document(spec, name="p", ns="shop"):
    head = f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: {ns}}}\n"
    return f"{head}spec: {spec}\n"


def into_api(rules, app="api"):
    return document(f"{{podSelector: {{matchLabels: {{app: {app}}}}}, {TYPES}, ingress: [{rules}]}}")


def beyond(name, wants, text, *rows):
    """A case: what these policies open beyond what these flows need, as (peer, ports, size)."""

    def act():
        found = concluded(*rows)
        accepted = [item.communication for item in found.reviewed.accepted]
        opened = excess(policies_from_yaml(text, "x").policies, accepted, found.inventory)
        return [(one.peer, one.ports, one.size) for one in opened]

    return Case(f"D30-{name}", act, wants)


FROM_WEB = "from: [{podSelector: {matchLabels: {app: web}}}]"
EXCESS = [
    case("D30-none_by_default", numbers("excess"), {"excess": 0}, CALL, QUERY, flow(WEB, OUTSIDE, 443),
         flow(API, DB, 1)),
    case("D30-none_where_everything_is_closed", numbers("excess"), {"excess": 0}, CALL, QUERY, default_deny=True),
    beyond("none_of_what_is_needed", [], into_api(f"{{{FROM_WEB}, ports: [{{port: 3000}}]}}"), CALL),
    beyond("pods_never_seen", [("shop/Deployment/web", "TCP/3000", 2)],
           into_api(f"{{{FROM_WEB}, ports: [{{port: 3000}}]}}"), QUERY),
    beyond("a_port_never_seen", [("shop/Deployment/web", "TCP/3001", 2)],
           into_api(f"{{{FROM_WEB}, ports: [{{port: 3000}}, {{port: 3001}}]}}"), CALL),
    beyond("ports_of_a_range_never_seen", [("shop/Deployment/web", "TCP/2999, TCP/3001-3010", 2)],
           into_api(f"{{{FROM_WEB}, ports: [{{port: 2999, endPort: 3010}}]}}"), CALL),
    beyond("addresses_of_a_prefix_never_seen", [("203.0.113.0/24", "TCP/3000", 255)],
           into_api("{from: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 3000}]}"), flow(OUTSIDE, API, 3000)),
    beyond("addresses_less_those_left_out", [("203.0.113.0/24 except 203.0.113.128/25", "TCP/3000", 127)],
           into_api("{from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.128/25]}}], ports: [{port: 3000}]}"),
           flow(OUTSIDE, API, 3000)),
]  # fmt: skip
ALL_THREE = ("accepted_denied", "undecided_denied", "declined_still_open")


def counted(name, wants, *rows, **world):
    return case(f"D31-{name}", numbers(*ALL_THREE), dict(zip(ALL_THREE, wants, strict=True)), *rows, **world)


BREAKS = [
    counted("nothing_breaks", (0, 0, 0), CALL, QUERY),
    counted("undecided_and_denied", (0, 1, 0), CALL, QUERY, decisions={WEB_TO_API: "accept"}, accept=False),
    counted("declined_and_denied", (0, 0, 0), CALL, QUERY, decisions={WEB_TO_DB: "decline"}),
    counted("declined_and_open", (0, 0, 1), CALL, decisions={WEB_TO_API: "decline"}),
    counted("declined_and_closed_by_default_deny", (0, 0, 0), CALL, flow(WEB, OUTSIDE, 443),
            decisions={WEB_TO_API: "decline"}, default_deny=True),
    case("D31-which_ones_it_is", lambda found: [str(one.communication) for one in found.undecided_denied],
         ["shop/Deployment/web -> data/Deployment/db TCP/5432"], CALL, QUERY, decisions={WEB_TO_API: "accept"},
         accept=False),
]  # fmt: skip

NAMED = [{"containerPort": 3000, "name": "http"}, {"containerPort": 9000, "protocol": "SCTP", "name": "sig"}]
WORLD = inventory(
    namespace("shop"), namespace("data"),
    deployment("web", [WEB], start=EARLY), deployment("api", [API], ports=NAMED, start=EARLY),
    pod("cart", WEB2, {"app": "cart", "tier": "back"}, start=EARLY, node="node-2"),
    deployment("db", [DB], ns="data", start=EARLY),
    pod("agent", NODE2, {"app": "web"}, host_network=True, node="node-2", start=EARLY),
    pod("six", "fd00::9", {"app": "six"}, start=EARLY),
    node("node-1", NODE1), node("node-2", NODE2),
)  # fmt: skip
SHORT = {"web": "shop/web-5d9c7b-0", "api": "shop/api-5d9c7b-0", "db": "data/db-5d9c7b-0", "cart": "shop/cart",
         "agent": "shop/agent", "six": "shop/six"}  # fmt: skip


MARKS = {"allowed": "+", "denied": "-", "undecidable": "?"}


def judged(name, text, probes):
    """A case: the verdicts on probes, written as "web > api", "web > api 80" or "web > api 80 UDP"."""

    def act():
        rows = []
        for probe in probes:
            src, _, dst, *rest = probe.split()
            port, protocol = [*rest, *["3000", "TCP"][len(rest) :]]
            rows.append((SHORT.get(src, src), SHORT.get(dst, dst), protocol, int(port)))
        frame = pd.DataFrame(rows, columns=["src", "dst", "protocol", "dst_port"])
        verdicts = judge(policies_from_yaml(text, "x").policies, WORLD, frame)["verdict"]
        return dict(zip(probes, map(MARKS.__getitem__, verdicts), strict=True))

    return Case(f"D32-{name}", act, probes)


def peer(text, ports="[{port: 3000}]"):
    return into_api(f"{{from: [{text}], ports: {ports}}}")


def match(operator, values=""):
    shown = f", values: [{values}]" if values else ""
    return peer(f"{{podSelector: {{matchExpressions: [{{key: tier, operator: {operator}{shown}}}]}}}}")


APP_WEB, APP_API = (f"{{podSelector: {{matchLabels: {{app: {name}}}}}}}" for name in ("web", "api"))
OUT_OF_WEB = "podSelector: {matchLabels: {app: web}}"
SIMULATED = [
    judged("no_policy_isolates_nobody", "",
           probes={"web > api": "+", f"{OUTSIDE} > api": "+", f"api > {OUTSIDE}": "+"}),
    judged("match_labels", peer(APP_WEB), probes={"web > api": "+", "cart > api": "-"}),
    judged("match_expressions_in", match("In", "back"), probes={"cart > api": "+", "web > api": "-"}),
    judged("match_expressions_not_in", match("NotIn", "back"), probes={"cart > api": "-", "web > api": "+"}),
    judged("match_expressions_exists", match("Exists"), probes={"cart > api": "+", "web > api": "-"}),
    judged("match_expressions_does_not_exist", match("DoesNotExist"), probes={"cart > api": "-", "web > api": "+"}),
    judged("namespace_selector", peer("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: data}}}"),
           probes={"db > api": "+", "web > api": "-"}),
    judged("ip_block_with_except", peer("{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.128/25]}}"),
           probes={f"{OUTSIDE} > api": "+", "203.0.113.200 > api": "-", "198.51.100.1 > api": "-"}),
    judged("ip_block_of_ipv6", into_api("{from: [{ipBlock: {cidr: '2001:db8::/64'}}]}", "six"),
           probes={"2001:db8::7 > six": "+", "2001:db8:1::7 > six": "-"}),
    judged("named_ports", peer("{podSelector: {}}", "[{port: http}]"), probes={"web > api": "+", "web > api 80": "-"}),
    judged("end_port", peer("{podSelector: {}}", "[{port: 3000, endPort: 3005}]"),
           probes={"web > api": "+", "web > api 3005": "+", "web > api 3006": "-", "web > api 2999": "-"}),
    judged("sctp", peer("{podSelector: {}}", "[{port: sig, protocol: SCTP}]"),
           probes={"web > api 9000 SCTP": "+", "web > api 9000": "-"}),
    judged("protocol_defaults_to_tcp", peer("{podSelector: {}}"), probes={"web > api": "+", "web > api 3000 UDP": "-"}),
    judged("no_ports_is_every_port", into_api("{from: [{podSelector: {}}]}"),
           probes={"web > api 1": "+", "web > api 65535 UDP": "+"}),
    judged("no_peers_is_anyone", into_api("{ports: [{port: 3000}]}"),
           probes={f"{OUTSIDE} > api": "+", "web > api 1": "-"}),
    judged("types_default_to_ingress", document(f"{{{OUT_OF_WEB}}}"), probes={"api > web": "-", "web > api": "+"}),
    judged("types_default_to_egress_too_where_there_are_rules",
           document(f"{{{OUT_OF_WEB}, egress: [{{to: [{{podSelector: {{matchLabels: {{app: cart}}}}}}]}}]}}"),
           probes={"api > web": "-", "web > api": "-", "web > cart": "+"}),
    judged("isolated_by_direction", document(f"{{{OUT_OF_WEB}, policyTypes: [Egress]}}"),
           probes={"web > api": "-", "api > web": "+"}),
    judged("both_ends_must_allow", "---\n".join([
        peer(APP_WEB), document(f"{{{OUT_OF_WEB}, policyTypes: [Egress]}}", "q")]),
        probes={"web > api": "-"}),
    judged("policies_are_a_union", "---\n".join([
        document("{podSelector: {}, policyTypes: [Ingress]}", "deny"), peer(APP_WEB)]),
        probes={"web > api": "+", "cart > api": "-", "web > cart": "-", "web > db": "+"}),
    judged("a_host_network_pod_is_not_selected", document("{podSelector: {}, policyTypes: [Ingress, Egress]}"),
           probes={"agent > db": "+", "db > agent": "+", "web > db": "-"}),
    judged("as_a_peer_it_is_an_address", peer(APP_WEB),
           probes={"agent > api": "-", "web > api": "+"}),
    judged("the_own_node_always_reaches_its_pods", document("{podSelector: {}, policyTypes: [Ingress]}"),
           probes={f"{NODE1} > api": "+", f"{NODE2} > api": "-", f"{NODE2} > cart": "+"}),
    judged("self_traffic_like_any_pair", peer(APP_WEB), probes={"api > api": "-"}),
    judged("self_traffic_that_a_rule_takes", peer(APP_API), probes={"api > api": "+"}),
    judged("a_protocol_that_policies_do_not_know", document("{podSelector: {}, policyTypes: [Ingress]}"),
           probes={"web > api 0 ICMP": "?"}),
]  # fmt: skip


def told(*probe):
    """Return the verdict on one probe with the policies that isolate its destination and the rules that let it in."""
    frame = pd.DataFrame([probe], columns=["src", "dst", "protocol", "dst_port"])
    text = peer(APP_WEB)
    found = judge(policies_from_yaml(text, "x").policies, WORLD, frame).iloc[0]
    return found["verdict"], found["ingress_policies"], found["ingress_rules"]


REASONS = [
    Case("D32-the_rule_that_decides_is_named", lambda: told(SHORT["web"], SHORT["api"], "TCP", 3000),
         ("allowed", "shop/p", "shop/p ingress[0]")),
    Case("D32-the_policy_that_isolates_is_named", lambda: told(SHORT["cart"], SHORT["api"], "TCP", 3000),
         ("denied", "shop/p", "")),
]  # fmt: skip

CASES = [*COVERAGE, *EXCESS, *BREAKS, *SIMULATED, *REASONS]


@pytest.mark.parametrize("one", params(CASES))
def test_numbers(one):
    assert one.act() == one.wants
