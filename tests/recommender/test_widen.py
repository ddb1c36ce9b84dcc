"""C20, C21, C23: what each option widens, what bounds it, and what it never touches."""

from collectors.inventory import WorkloadRef
from recommender.generate import generate
from recommender.policy import IPBlock
from recommender.review import Decision, accept_observed, decisions_from_data, decisions_to_data, review
from recommender.simulate import excess
from recommender.widen import widen
from recommender.widen_options import widen_options
from recommender.widening import Widening
from tests.cluster import deployment, flow, inventory, namespace, node, service, slices
from tests.recommender.test_suggest import PARTS, _suggest

API = WorkloadRef("shop", "Deployment", "api")


def _widened(rows, *words, parts=PARTS, decided=None):
    """Return communication -> its widening as text, and the sentences of what could not be kept to.

    `decided` is called with each suggestion and gives its decision; all are accepted without it.
    """
    seen = _suggest(*rows, parts=parts)
    decisions = accept_observed(seen) if decided is None else [d for i in seen.items if (d := decided(i))]
    cluster = inventory(namespace("shop"), *parts)
    found = widen(review(seen, decisions), cluster, widen_options(words))
    after = review(seen, found.decisions)
    policies = generate(after)
    beyond = excess(policies, [item.communication for item in after.accepted], cluster)
    said = {str(item.communication): str(d.widen) for item in after.accepted if (d := after.decisions[item.id]).widen}
    return said, found, beyond


def _out(*addresses, port=443, src="10.0.0.1"):
    return [flow(src, address, port) for address in addresses]


def test_c20_addresses_become_the_range_that_the_budget_allows_and_it_is_counted_as_excess():
    said, found, beyond = _widened(_out("203.0.113.4", "203.0.113.6"), "cidr=unseen:2")
    assert set(said.values()) == {"addresses 203.0.113.4/30"}
    assert [d.widen.options for d in found.decisions] == [("cidr=unseen:2",)] * 2
    assert [(e.peer, e.size) for e in beyond] == [("203.0.113.4/30", 2)]


def test_c20_without_a_budget_for_it_addresses_stay_single():
    said, _, beyond = _widened(_out("203.0.113.4", "203.0.113.6"), "cidr=unseen:1")
    assert (said, beyond) == ({}, ())


def test_c20_each_port_and_direction_has_a_budget_of_its_own():
    rows = [*_out("203.0.113.4", "203.0.113.6"), *_out("203.0.113.8", "203.0.113.10", port=80)]
    said, _, _ = _widened(rows, "cidr=unseen:2")
    assert sorted(set(said.values())) == ["addresses 203.0.113.4/30", "addresses 203.0.113.8/30"]


def test_c20_no_range_holds_what_was_declined_undecided_or_refused_there():
    def decided(item):
        choice = {"203.0.113.5": "decline", "203.0.113.9": None}.get(item.communication.dst.address, "accept")
        return Decision(item.id, choice) if choice else None

    rows = [*_out("203.0.113.4", "203.0.113.5", "203.0.113.6", "203.0.113.7"), *_out("203.0.113.8", "203.0.113.9")]
    rows += [flow("10.0.0.1", "203.0.113.10", 443, outcome="refused"), *_out("203.0.113.11")]
    said, _, beyond = _widened(rows, "cidr=rules:4", decided=decided)
    assert beyond == ()
    assert said == {
        f"shop/Deployment/web -> external 203.0.113.{at} TCP/443": "addresses 203.0.113.6/31" for at in (6, 7)
    }


def test_c20_a_budget_that_needs_private_ranges_is_not_kept_to_and_that_is_said():
    said, found, _ = _widened(_out("9.255.255.255", "11.0.0.1"), "cidr=rules:1")
    assert said == {}
    (sentence,) = found.refused
    assert sentence.startswith("egress of shop/Deployment/web at TCP/443: its 2 addresses cannot be held within cidr=")


def test_c20_nodes_and_the_clusters_own_outside_addresses_are_in_no_range():
    parts = [*PARTS, service("web", "10.96.0.1", 80, externalIPs=["203.0.113.5"])]
    said, _, _ = _widened(_out("203.0.113.4", "203.0.113.6"), "cidr=unseen:2", parts=parts)
    assert set(said.values()) == {"addresses 203.0.113.4/30 except 203.0.113.5/32"} or said == {}


def test_what_a_decision_says_stays_and_counts_against_the_budget():
    block = IPBlock("203.0.113.0/30")

    def decided(item):
        first = item.communication.dst.address == "203.0.113.1"
        return Decision(item.id, "accept", widen=Widening(addresses=block) if first else None)

    rows = _out("203.0.113.1", "203.0.113.2", "203.0.113.8", "203.0.113.10")
    said, _, _ = _widened(rows, "cidr=unseen:2", decided=decided)
    assert list(said.values()) == ["addresses 203.0.113.0/30"]
    said, _, _ = _widened(rows, "cidr=unseen:4", decided=decided)
    assert list(said.values()) == ["addresses 203.0.113.0/30", "addresses 203.0.113.8/30", "addresses 203.0.113.8/30"]


def test_an_empty_widening_keeps_a_decision_exact():
    said, found, _ = _widened(
        _out("203.0.113.4", "203.0.113.6"),
        "cidr=unseen:2",
        decided=lambda i: Decision(i.id, "accept", widen=Widening()),
    )
    assert said == {}
    assert {d.widen for d in found.decisions} == {Widening()}


def test_widening_twice_changes_nothing():
    rows = [*_out("203.0.113.4", "203.0.113.6"), flow("10.0.0.1", "10.0.0.3", 53, "UDP")]
    seen = _suggest(*rows)
    cluster, options = inventory(namespace("shop"), *PARTS), widen_options(["cidr=unseen:2", "dns"])
    once = widen(review(seen, accept_observed(seen)), cluster, options)
    assert widen(review(seen, once.decisions), cluster, options) == once


def test_c21_ports_become_ranges_only_within_the_budget_and_never_over_a_declined_port():
    rows = [flow("10.0.0.1", "10.0.0.3", port) for port in (30000, 30002, 30010)]
    said, _, beyond = _widened(rows, "ports=unseen:1")
    assert set(said.values()) == {"ports 30000-30002"}
    assert {(e.subject, e.ports) for e in beyond if e.direction == "Ingress"} == {(str(API), "TCP/30001")}

    def decided(item):
        return Decision(item.id, "decline" if item.communication.port == 30001 else "accept")

    rows.append(flow("10.0.0.1", "10.0.0.3", 30001))
    assert _widened(rows, "ports=ranges:1", decided=decided)[0] == {}


def test_a_namespace_becomes_a_peer_where_few_of_its_workloads_were_not_seen():
    jobs = [deployment(name, [f"10.0.0.{at}"]) for at, name in ((21, "job-a"), (22, "job-b"), (23, "job-c"))]
    rows = [flow("10.0.0.21", "10.0.0.3", 3000), flow("10.0.0.22", "10.0.0.3", 3000)]
    said, _, beyond = _widened(rows, "namespace=unseen:3", parts=[*PARTS, *jobs])
    assert set(said.values()) == {"the source's whole namespace"}
    assert [(e.subject, e.peer) for e in beyond] == [(str(API), "any pod of namespace shop")]
    assert _widened(rows, "namespace=unseen:2", parts=[*PARTS, *jobs])[0] == {}
    assert _widened(rows[:1], "namespace=unseen:9", parts=[*PARTS, *jobs])[0] == {}
    refused = flow("10.0.0.23", "10.0.0.3", 3000, outcome="refused")
    assert _widened([*rows, refused], "namespace=unseen:9", parts=[*PARTS, *jobs])[0] == {}


def test_the_internet_is_opened_only_for_exposed_ports_without_private_and_declined_addresses():
    exposed = [
        service("api", "10.96.0.1", 80, type="LoadBalancer"),
        slices("api", 3000, [("10.0.0.3", "api-5d9c7b-0")]),
    ]
    rows = [flow("8.8.8.8", "10.0.0.3", 3000), flow("8.8.4.4", "10.0.0.3", 3000), flow("2600::9", "10.0.0.3", 3000)]
    rows.append(flow("8.8.8.8", "10.0.0.3", 3001))

    def decided(item):
        return Decision(item.id, "decline" if item.communication.src.address == "8.8.4.4" else "accept")

    said, _, _ = _widened(rows, "internet", parts=[*PARTS, *exposed], decided=decided)
    assert said == {
        "external 2600::9 -> shop/Deployment/api TCP/3000": "addresses ::/0 except fc00::/7, fe80::/10",
        "external 8.8.8.8 -> shop/Deployment/api TCP/3000": "addresses 0.0.0.0/0 except 8.8.4.4/32, 10.0.0.0/8, "
        "100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16",
    }
    assert _widened(rows, "internet")[0] == {}


def test_c23_both_protocols_of_dns_to_the_resolvers_that_were_seen_and_to_no_others():
    rows = [flow("10.0.0.1", "10.0.0.3", 53, "UDP"), flow("10.0.0.1", "10.0.0.3", 80)]
    said, _, beyond = _widened(rows, "dns")
    assert said == {"shop/Deployment/web -> shop/Deployment/api UDP/53": "protocols TCP and UDP"}
    assert {(e.peer, e.ports) for e in beyond if e.direction == "Egress"} == {(str(API), "TCP/53")}


def test_c23_dns_pods_that_listen_elsewhere_are_known_by_the_service_port():
    dns = [service("dns", "10.96.0.10", 53, protocol="UDP", entry={"targetPort": 5353}),
           slices("dns", 5353, [("10.0.0.3", "api-5d9c7b-0")], protocol="UDP")]  # fmt: skip
    said, _, _ = _widened([flow("10.0.0.1", "10.96.0.10", 53, "UDP")], "dns", parts=[*PARTS, *dns])
    assert said == {"shop/Deployment/web -> shop/Deployment/api UDP/5353": "protocols TCP and UDP"}


def test_b10_the_service_port_is_opened_beside_the_pods_own_where_they_differ():
    behind = [service("api", "10.96.0.20", 80, entry={"targetPort": 3000}),
              slices("api", 3000, [("10.0.0.3", "api-5d9c7b-0")])]  # fmt: skip
    rows = [flow("10.0.0.1", "10.96.0.20", 80), flow("10.0.0.1", "10.0.0.3", 3001)]
    said, _, beyond = _widened(rows, "service-port", parts=[*PARTS, *behind])
    assert said == {"shop/Deployment/web -> shop/Deployment/api TCP/3000": "Service ports 80"}
    assert {(e.direction, e.ports) for e in beyond} == {("Egress", "TCP/80")}


def _but(*texts):
    """Decline what is called so, accept the rest."""
    return lambda item: Decision(item.id, "decline" if str(item.communication) in texts else "accept")


def test_dns_opens_no_protocol_that_was_declined_between_the_same_ends():
    rows = [flow("10.0.0.1", "10.0.0.3", 53, protocol) for protocol in ("TCP", "UDP")]
    decided = _but("shop/Deployment/web -> shop/Deployment/api TCP/53")
    assert _widened(rows, "dns", decided=decided)[0] == {}
    assert _widened([rows[1], {**rows[0], "outcome": "refused"}], "dns")[0] == {}


def test_no_service_port_is_opened_that_was_declined_between_the_same_ends():
    behind = [service("api", "10.96.0.20", 80, entry={"targetPort": 3000}),
              slices("api", 3000, [("10.0.0.3", "api-5d9c7b-0")])]  # fmt: skip
    rows = [flow("10.0.0.1", "10.96.0.20", 80), flow("10.0.0.1", "10.0.0.3", 80)]
    decided = _but("shop/Deployment/web -> shop/Deployment/api TCP/80")
    assert _widened(rows, "service-port", parts=[*PARTS, *behind], decided=decided)[0] == {}


def test_two_options_together_open_nothing_that_was_declined():
    rows = [flow("10.0.0.1", "10.0.0.3", port, "UDP") for port in (53, 55)] + [flow("10.0.0.1", "10.0.0.3", 54)]
    decided = _but("shop/Deployment/web -> shop/Deployment/api TCP/54")
    said, _, _ = _widened(rows, "dns", "ports=ranges:1", decided=decided)
    assert set(said.values()) == {"ports 53-55"}

    rows = [*_out("203.0.113.4", "203.0.113.5"), *_out("203.0.113.4", port=445), *_out("203.0.113.5", port=444)]
    decided = _but("shop/Deployment/web -> external 203.0.113.5 TCP/444")
    said, _, _ = _widened(rows, "cidr=rules:1", "ports=ranges:1", decided=decided)
    assert said == {
        "shop/Deployment/web -> external 203.0.113.4 TCP/443": "addresses 203.0.113.4/31",
        "shop/Deployment/web -> external 203.0.113.5 TCP/443": "addresses 203.0.113.4/31",
        "shop/Deployment/web -> external 203.0.113.4 TCP/445": "ports 443-445",
    }

    jobs = [deployment(name, [f"10.0.0.{at}"]) for at, name in ((21, "job-a"), (22, "job-b"), (23, "job-c"))]
    rows = [flow(f"10.0.0.{at}", "10.0.0.3", port) for at in (21, 22) for port in (80, 82)]
    rows.append(flow("10.0.0.23", "10.0.0.3", 81))
    decided = _but("shop/Deployment/job-c -> shop/Deployment/api TCP/81")
    said, _, _ = _widened(rows, "namespace=unseen:9", "ports=ranges:1", parts=[*PARTS, *jobs], decided=decided)
    assert set(said.values()) == {"ports 80-82"}
    said, _, _ = _widened(rows, "namespace=unseen:9", "ports=ranges:1", parts=[*PARTS, *jobs])
    assert "ports 80-82; the source's whole namespace" in said.values()


def test_what_a_hand_wrote_is_not_multiplied_over_what_was_declined():
    rows = [flow("10.0.0.1", "10.0.0.3", 53, "UDP"), flow("10.0.0.1", "10.0.0.3", 60)]
    by_hand = Widening(ports=(50, 60))

    def decided(item):
        is_dns = item.communication.protocol == "UDP"
        return Decision(item.id, "accept" if is_dns else "decline", widen=by_hand if is_dns else None)

    assert set(_widened(rows, "dns", decided=decided)[0].values()) == {"ports 50-60"}


def test_a_budget_of_port_ranges_that_cannot_be_kept_to_is_said():
    rows = [flow("10.0.0.1", "10.0.0.3", port) for port in (80, 82)]
    rows.append(flow("10.0.0.1", "10.0.0.3", 81, outcome="refused"))
    said, found, _ = _widened(rows, "ports=ranges:1")
    assert said == {}
    (sentence,) = found.refused
    assert sentence == (
        "shop/Deployment/web -> shop/Deployment/api: its 2 TCP ports cannot be held within ports=ranges:1, since no "
        "range may hold a port that was seen there and not accepted; they stay as they are"
    )


def test_a_budget_that_two_ip_versions_exceed_is_not_blamed_on_private_ranges():
    _, found, _ = _widened(_out("203.0.113.4", "2001:db8::4"), "cidr=rules:1")
    (sentence,) = found.refused
    assert "counts ranges of both IP versions" in sentence


_EXPOSED = [service("api", "10.96.0.1", 80, type="NodePort"), slices("api", 3000, [("10.0.0.3", "api-5d9c7b-0")])]


def test_the_internet_is_without_the_clusters_own_public_addresses():
    own = [node("node-9", "198.51.100.9"), deployment("six", ["2001:db8:42::7"])]
    rows = [flow("8.8.8.8", "10.0.0.3", 3000), flow("2600::9", "10.0.0.3", 3000)]
    said, _, _ = _widened(rows, "internet", parts=[*PARTS, *_EXPOSED, *own])
    assert said["external 2600::9 -> shop/Deployment/api TCP/3000"] == (
        "addresses ::/0 except 2001:db8:42::7/128, fc00::/7, fe80::/10"
    )
    assert said["external 8.8.8.8 -> shop/Deployment/api TCP/3000"].endswith("192.168.0.0/16, 198.51.100.9/32")


def test_what_the_internet_leaves_out_is_written_as_it_is_read_again():
    rows = [flow(f"8.8.8.{at}", "10.0.0.3", 3000) for at in (2, 10, 11)]
    decided = _but(*(f"external 8.8.8.{at} -> shop/Deployment/api TCP/3000" for at in (2, 10)))
    _, found, _ = _widened(rows, "internet", parts=[*PARTS, *_EXPOSED], decided=decided)
    read = decisions_from_data(decisions_to_data(found.decisions), "here")
    assert {decision.id: decision.widen for decision in read} == {d.id: d.widen for d in found.decisions}


def test_an_address_that_an_inseparable_workload_declined_is_not_taken_for_the_internet():
    twins = [deployment(name, [f"10.0.0.{at}"], labels={"app": "same"}) for name, at in (("one", 31), ("two", 32))]
    exposed = [service("one", "10.96.0.1", 80, type="NodePort"), slices("one", 3000, [("10.0.0.31", "one-5d9c7b-0")])]
    rows = [flow("8.8.8.8", "10.0.0.31", 3000), flow("8.8.8.8", "10.0.0.32", 3000)]
    decided = _but("external 8.8.8.8 -> shop/Deployment/two TCP/3000")
    assert _widened(rows, "internet", parts=[*twins, *exposed], decided=decided)[0] == {}
