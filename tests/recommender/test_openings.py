"""C20-C24 for what decisions widen: no peer or port is written that another one covers already."""

from recommender.generate import GenerateOptions, generate
from recommender.policy import IPBlock, LabelSelector, Peer, Port
from recommender.review import Decision, review
from recommender.widening import Widening
from tests.cluster import deployment, flow
from tests.recommender.test_suggest import PARTS, _suggest

_EXACT = Widening()


def _policies(*rows, parts=PARTS, named=True, **widened):
    """Policies of everything accepted; `widened` names a communication by its source or destination address's port."""
    seen = _suggest(*rows, parts=parts)
    decisions = [
        Decision(i.id, "accept", widen=widened.get(f"p{i.communication.port}", widened.get("all"))) for i in seen.items
    ]
    found = generate(review(seen, decisions), GenerateOptions(named_ports=named))
    return {policy.name.removesuffix("-podfence"): policy for policy in found}


def _blocks(rule):
    return [peer.ip_block for peer in rule.peers]


def test_a_range_stands_in_the_place_of_all_its_addresses():
    block = IPBlock("203.0.113.0/29", ("203.0.113.4/32",))
    rows = [flow("10.0.0.1", f"203.0.113.{at}", 443) for at in (1, 2, 3)]
    (rule,) = _policies(*rows, all=Widening(addresses=block))["web"].egress
    assert _blocks(rule) == [block]


def test_an_address_inside_of_a_range_with_the_same_ports_is_not_written_beside_it():
    rows = [flow("10.0.0.1", "203.0.113.1", 443), flow("10.0.0.1", "203.0.113.2", 443)]
    seen = _suggest(*rows)
    one, other = seen.items
    block = Widening(addresses=IPBlock("203.0.113.0/24"))
    (policy,) = generate(review(seen, [Decision(one.id, "accept", widen=block), Decision(other.id, "accept")]))
    assert [_blocks(rule) for rule in policy.egress] == [[IPBlock("203.0.113.0/24")]]
    holed = Widening(addresses=IPBlock("203.0.113.0/24", ("203.0.113.2/31",)))
    (policy,) = generate(review(seen, [Decision(one.id, "accept", widen=holed), Decision(other.id, "accept")]))
    assert [len(rule.peers) for rule in policy.egress] == [2]


def test_an_address_inside_of_a_range_keeps_the_ports_that_the_range_does_not_open():
    rows = [flow("10.0.0.1", "203.0.113.1", 443), flow("10.0.0.1", "203.0.113.1", 444)]
    found = _policies(*rows, p443=Widening(addresses=IPBlock("203.0.113.0/24")))["web"].egress
    assert [(rule.ports, _blocks(rule)) for rule in found] == [
        ((Port("TCP", 443),), [IPBlock("203.0.113.0/24")]),
        ((Port("TCP", 444),), [IPBlock("203.0.113.1/32")]),
    ]


def test_a_port_inside_of_a_range_is_not_written_beside_it():
    rows = [flow("10.0.0.1", "10.0.0.3", port) for port in (3000, 3001, 3005, 4000)]
    found = _policies(*rows, p3000=Widening(ports=(3000, 3010)))["api"].ingress
    assert [rule.ports for rule in found] == [(Port("TCP", 3000, 3010), Port("TCP", 4000))]


def test_a_whole_namespace_takes_the_place_of_its_workloads_at_the_same_ports():
    parts = [*PARTS, deployment("job", ["10.0.0.7"])]
    rows = [flow("10.0.0.1", "10.0.0.3", 3000), flow("10.0.0.7", "10.0.0.3", 3000), flow("10.0.0.7", "10.0.0.3", 3001)]
    seen = _suggest(*rows, parts=parts)
    wide = next(i for i in seen.items if i.communication.src.name == "web")
    decisions = [Decision(i.id, "accept", widen=Widening(source=True) if i == wide else None) for i in seen.items]
    policy = next(p for p in generate(review(seen, decisions)) if p.name == "api-podfence")
    shop = LabelSelector((("kubernetes.io/metadata.name", "shop"),))
    assert [(rule.ports, rule.peers) for rule in policy.ingress] == [
        ((Port("TCP", 3000),), (Peer(namespace_selector=shop),)),
        ((Port("TCP", 3001),), (Peer(pod_selector=LabelSelector((("app", "job"),))),)),
    ]


def test_c17_a_whole_namespace_is_named_even_if_it_is_the_own_one():
    (rule,) = _policies(flow("10.0.0.1", "10.0.0.3", 3000), all=Widening(destination=True))["web"].egress
    assert rule.peers == (Peer(namespace_selector=LabelSelector((("kubernetes.io/metadata.name", "shop"),))),)


def test_protocols_widen_both_ends_and_service_ports_only_the_way_out():
    found = _policies(
        flow("10.0.0.1", "10.0.0.3", 53, "UDP"), all=Widening(protocols=("TCP", "UDP"), service_ports=(80,))
    )
    assert found["api"].ingress[0].ports == (Port("TCP", 53), Port("UDP", 53))
    assert found["web"].egress[0].ports == (
        Port("TCP", 53), Port("TCP", 80), Port("UDP", 53), Port("UDP", 80),
    )  # fmt: skip


def test_c21_the_way_in_names_ports_and_the_way_out_numbers_them():
    parts = [deployment("web", ["10.0.0.1"]),
             deployment("api", ["10.0.0.3"], ports=[{"containerPort": 3000, "name": "http"}])]  # fmt: skip
    rows = [flow("10.0.0.1", "10.0.0.3", 3000), flow("10.0.0.1", "10.0.0.3", 3001)]
    found = _policies(*rows, parts=parts)
    assert found["api"].ingress[0].ports == (Port("TCP", "http"), Port("TCP", 3001))
    assert found["web"].egress[0].ports == (Port("TCP", 3000), Port("TCP", 3001))
    numeric = _policies(*rows, parts=parts, named=False)
    assert numeric["api"].ingress[0].ports == (Port("TCP", 3000), Port("TCP", 3001))
    outside = _policies(flow("8.8.8.8", "10.0.0.3", 3000), parts=parts)
    assert outside["api"].ingress[0].ports == (Port("TCP", 3000),)
    ranged = _policies(*rows, parts=parts, p3000=Widening(ports=(3000, 3001)))
    assert ranged["api"].ingress[0].ports == (Port("TCP", 3000, 3001),)


def test_peers_of_one_namespace_share_its_selector():
    seen = _suggest(flow("10.0.0.1", "10.0.0.3", 3000), flow("10.0.0.1", "10.0.0.3", 3001))
    for subject in seen.subjects.values():
        assert subject.namespace_selector is subject.namespace_selector
        assert subject.namespace_selector == LabelSelector((("kubernetes.io/metadata.name", subject.namespace),))
