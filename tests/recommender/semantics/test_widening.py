"""B10, C17, C20, C21, C23, C27 and D30: what a named option opens beyond what was seen, and that it is said."""

import pytest

from recommender.widen_options import widen_options
from tests.cluster import deployment, flow, node, service, slices
from tests.recommender.semantics.river import API, CLUSTER, EARLY, OUTSIDE, WEB, case, params
from tests.recommender.semantics.views import having, numbers, peers, rules

OUT = "app=web Egress:"
NEW = "10.0.0.70"
SITES = [flow(WEB, f"203.0.113.{at}", 443) for at in (4, 5, 6, 7)]
APART = [flow(WEB, address, 443) for address in ("203.0.113.4", "198.51.100.9")]
PASSIVE = [flow(WEB, API, port) for port in range(4000, 4010)]
DENSE = [row for row in PASSIVE if row["dst_port"] != 4004]
RESOLVERS = deployment("coredns", ["10.0.2.2"], ns="kube-system", labels={"k8s-app": "kube-dns"}, start=EARLY)
TO_DNS = f"{OUT} [kubernetes.io/metadata.name=kube-system] k8s-app=kube-dns"
FRONT = [service("api", "10.96.0.5", 80), slices("api", 3000, [(API, "api-5d9c7b-0")])]
EXPOSED = [service("api", "10.96.0.5", 80, type="NodePort", entry={"nodePort": 30080}), FRONT[1]]


def widened(name, ask, wants, words, *rows, **world):
    return case(name, ask, wants, *rows, widen=widen_options(words.split()), **world)


def out(found):
    return [text for text in rules(found) if text.startswith(OUT)]


def shown(found):
    """Return what is opened beyond what was accepted, as (peer, ports, size)."""
    return [(one.peer, one.ports, one.size) for one in found.excess]


CASES = [
    widened("C20-a_whole_prefix_that_was_seen", out, [f"{OUT} 203.0.113.4/30 on TCP/443"], "cidr=unseen:0", *SITES),
    widened("C20-it_has_no_excess", numbers("excess"), {"excess": 0}, "cidr=unseen:0", *SITES),
    widened("C20-within_a_budget_of_unseen_addresses", out, [f"{OUT} 203.0.113.4/30 on TCP/443"], "cidr=unseen:1",
            *SITES[:3]),
    widened("C20-not_beyond_the_budget", peers, ["198.51.100.9/32", "203.0.113.4/32"], "cidr=unseen:64", *APART),
    widened("C20-a_port_of_ones_own_is_not_joined", peers, ["203.0.113.4/32", "203.0.113.5/32"], "cidr=unseen:64",
            flow(WEB, "203.0.113.4", 443), flow(WEB, "203.0.113.5", 80)),
    widened("C20-what_is_private_is_never_swallowed", peers, ["11.0.0.0/32", "9.255.255.255/32"], "cidr=rules:1",
            flow(WEB, "9.255.255.255", 443), flow(WEB, "11.0.0.0", 443)),
    widened("C20-that_a_budget_cannot_be_met_is_said", lambda found: len(found.not_widened), 1, "cidr=rules:1",
            flow(WEB, "9.255.255.255", 443), flow(WEB, "11.0.0.0", 443)),
    widened("C20-an_except_where_it_helps", peers, ["203.0.113.0/29 except 203.0.113.7/32"], "cidr=rules:2",
            *[flow(WEB, f"203.0.113.{at}", 443) for at in range(7)], also=[node("node-3", "203.0.113.7")]),
    widened("C20-nodes_are_never_swallowed", peers, ["203.0.113.4/32", "203.0.113.6/31"], "cidr=unseen:1",
            *[flow(WEB, f"203.0.113.{at}", 443) for at in (4, 6, 7)], also=[node("node-3", "203.0.113.5")]),
    widened("D30-a_wide_prefix_is_excess", shown, [("203.0.113.4/30", "TCP/443", 1)], "cidr=unseen:1", *SITES[:3]),
    widened("C27-and_has_its_caveat", having("widened"), [f"web -> 203.0.113.{at} TCP/443" for at in (4, 5, 6)],
            "cidr=unseen:1", *SITES[:3]),
    widened("C21-a_range", rules, ["app=api Ingress: app=web on TCP/4000-4009", f"{OUT} app=api on TCP/4000-4009"],
            "ports=ranges:1", *PASSIVE),
    widened("C21-a_dense_range", out, [f"{OUT} app=api on TCP/4000-4009"], "ports=unseen:1", *DENSE),
    widened("C21-not_beyond_the_budget", out, [f"{OUT} app=api on TCP/22 TCP/4000"], "ports=unseen:100",
            flow(WEB, API, 22), flow(WEB, API, 4000)),
    widened("D30-ports_never_seen_are_excess",
            lambda found: sorted((peer, ports) for peer, ports, _ in shown(found)),
            [("shop/Deployment/api", "TCP/4004"), ("shop/Deployment/web", "TCP/4004")], "ports=unseen:1", *DENSE),
    widened("C23-both_protocols", out, [f"{TO_DNS} on TCP/53 UDP/53"], "dns", flow(WEB, "10.0.2.2", 53, "UDP"),
            also=RESOLVERS),
    widened("B10-the_service_port_beside_the_pods", out, [f"{OUT} app=api on TCP/80 TCP/3000"], "service-port",
            flow(WEB, "10.96.0.5", 80), also=FRONT),
    case("B10-and_not_unasked", out, [f"{OUT} app=api on TCP/3000"], flow(WEB, "10.96.0.5", 80), also=FRONT),
    widened("C17-anybody_only_by_a_recorded_decision", lambda found: "0.0.0.0/0" in " ".join(rules(found)), True,
            "internet", flow(OUTSIDE, API, 3000), also=EXPOSED),
    case("C17-and_not_unasked", peers, [f"{OUTSIDE}/32"], flow(OUTSIDE, API, 3000), also=EXPOSED),
]  # fmt: skip


def with_names(*numbers_of_http):
    """Return the cluster with an api of so many pods, each with its own number for the port that it calls http."""
    pods = deployment("api", [f"10.0.0.{70 + at}" for at in range(len(numbers_of_http))], start=EARLY)
    for item, number in zip(pods[2:], numbers_of_http, strict=True):
        item["spec"]["containers"][0]["ports"] = [{"containerPort": number, "name": "http"}]
    return (*CLUSTER[:3], pods, *CLUSTER[4:])


BY_NUMBER = ["app=api Ingress: app=web on TCP/3000", f"{OUT} app=api on TCP/3000"]


def named(name, wants, *numbers_of_http, **options):
    """A case: the rules for the api's port that is called http."""
    return case(f"C21-{name}", rules, wants, flow(WEB, NEW, 3000), parts=with_names(*numbers_of_http), **options)


CASES += [
    named("a_name_that_all_pods_agree_on", ["app=api Ingress: app=web on TCP/http", BY_NUMBER[1]], 3000, 3000,
          named_ports=True),
    named("a_number_where_a_name_means_another", BY_NUMBER, 3000, 3001, named_ports=True),
    # Not every CNI knows names, and one takes them for any port, so podfence writes them only when asked.
    named("a_number_where_names_were_not_asked_for", BY_NUMBER, 3000, 3000),
]  # fmt: skip


@pytest.mark.parametrize("one", params(CASES))
def test_widening(one):
    assert one.act() == one.wants
