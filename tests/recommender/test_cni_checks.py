from dataclasses import replace

import pytest

from collectors.observation import ObservationWindow
from recommender.cni import cni_warnings
from recommender.cni_profiles import PROFILES, Trait
from recommender.communications import summarize
from recommender.generate import generate
from recommender.resolve import resolve
from recommender.review import accept_observed, review
from recommender.suggest import suggest
from tests.cluster import deployment, flow, flows, inventory, node, service, slices
from tests.recommender.cni_cases import (
    ALL,
    API_SERVER,
    CACHE,
    CLIENT,
    METADATA,
    NODE,
    decided,
    egress,
    exported,
    ingress,
    kinds,
    ports,
    seen,
    via,
    warned,
)  # fmt: skip
from tests.recommender.simulated import app, block, pod, workload


@pytest.mark.parametrize("cni", ALL)
def test_plain_traffic_between_pods_gives_no_warning(cni):
    assert exported(cni, seen("web", "api", 8080), seen("web", workload("far", "away"), 53, "UDP")) == ()


@pytest.mark.parametrize("cni", ALL)
def test_addresses_outside_give_no_warning(cni):
    assert exported(cni, seen("web", "203.0.113.9", 443), seen(CLIENT, "web", 8443)) == ()


def test_b10_a_service_port_that_is_not_the_pods_is_warned_of_where_egress_needs_it():
    spoken = via(seen("web", "api", 8080), "shop/api:80")
    (found,) = exported("aws-vpc-cni", spoken)
    assert (found.policy, found.kind, found.count) == ("shop/web-podfence", "service_port", 1)
    assert "shop/Deployment/web -> shop/Deployment/api TCP/8080 through shop/api:80" in found.sentence
    assert found.source == PROFILES["aws-vpc-cni"].equal_ports.source
    for cni in set(ALL) - {"aws-vpc-cni"}:
        assert exported(cni, spoken) == ()


@pytest.mark.parametrize(("port", "given"), [(80, ["service_port", "service_address"]), (8080, ["service_address"])])
def test_b10_what_flows_and_inventory_tell_of_services_is_enough(port, given):
    parts = inventory(
        deployment("web", ["10.0.0.1"]), deployment("api", ["10.0.0.3"]), node("node-1", "192.168.0.1"),
        service("api", "10.96.0.5", port, selector={"app": "api"}, entry={"targetPort": 8080}),
        slices("api", 8080, [("10.0.0.3", "api-5d9c7b-0")]),
        service("kubernetes", "10.96.0.1", 443, ns="default", entry={"targetPort": 6443}),
        slices("kubernetes", 6443, [("192.168.0.1", "")], ns="default"),
    )  # fmt: skip
    rows = flow("10.0.0.1", "10.96.0.5", port), flow("10.0.0.1", "10.96.0.1", 443)
    suggestions = suggest(summarize(resolve(flows(*rows), parts)), parts, ObservationWindow())
    reviewed = review(suggestions, accept_observed(suggestions))
    found = cni_warnings(generate(reviewed), reviewed, PROFILES["aws-vpc-cni"])
    assert [warning.kind for warning in found] == given


def test_b10_no_warning_where_service_port_and_pod_port_are_one_or_both_in_the_rule():
    assert exported("aws-vpc-cni", via(seen("web", "api", 8080), "shop/api:8080")) == ()
    spoken = via(seen("web", "api", 8080), "shop/api:80")
    assert kinds("aws-vpc-cni", egress({"to": [app("api")], **ports(8080)}), spoken) == ["service_port"]
    assert kinds("aws-vpc-cni", egress({"to": [app("api")], **ports(8080, 80)}), spoken) == []
    assert kinds("aws-vpc-cni", egress({"to": [app("api")]}), spoken) == []


def test_b10_a_rule_for_a_whole_namespace_or_for_everybody_leads_to_the_service_too():
    spoken = via(seen("web", workload("far", "away"), 8080), "away/far:80")
    away = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "away"}}}
    other = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}
    assert kinds("aws-vpc-cni", egress({"to": [away], **ports(8080)}), spoken) == ["service_port"]
    assert kinds("aws-vpc-cni", egress(ports(8080)), spoken) == ["service_port"]
    assert kinds("aws-vpc-cni", egress({"to": [other], **ports(8080)}), spoken) == []
    assert kinds("aws-vpc-cni", egress({"to": [{"podSelector": {}}], **ports(8080)}), spoken) == []


def test_a_rule_that_leads_elsewhere_gives_no_warning_of_services():
    spoken = via(seen("web", "api", 8080), "shop/api:80")
    for rule in ({"to": [app("web")], **ports(8080)}, {"to": [app("api")], **ports(9090)}):
        assert kinds("aws-vpc-cni", egress(rule), spoken, services={"shop/api": {}}) == []


def test_a_profile_that_needs_neither_equal_ports_nor_selectors_gives_no_warning_of_services():
    none = Trait(False, "It needs nothing.", "https://example.org/")
    reviewed = decided(via(seen("web", "api", 8080), "shop/api:80"))
    profile = replace(PROFILES["aws-vpc-cni"], equal_ports=none, service_selectors=none)
    assert cni_warnings(generate(reviewed), reviewed, profile, {"shop/api": {}}) == ()


def test_an_ipblock_behind_a_service_is_warned_of_where_egress_is_checked_before_the_service():
    spoken = via(seen("web", API_SERVER, 443), "default/kubernetes:443")
    (found,) = exported("aws-vpc-cni", spoken)
    assert found.kind == "service_address"
    assert "default/kubernetes:443" in found.sentence
    assert exported("aws-vpc-cni", seen("web", API_SERVER, 443)) == ()
    assert exported("calico", spoken) == ()


def test_a_service_whose_selector_lacks_labels_of_the_rule_is_warned_of():
    spoken = via(seen("web", "api", 80), "shop/api:80")
    rules = egress({"to": [app("api")], **ports(80)})
    assert kinds("aws-vpc-cni", rules, spoken, services={"shop/api": {"tier": "back"}}) == ["service_selector"]
    assert kinds("aws-vpc-cni", rules, spoken, services={"shop/api": {"app": "api", "tier": "back"}}) == []
    assert kinds("aws-vpc-cni", rules, spoken, services={}) == []
    assert kinds("aws-vpc-cni", rules, spoken) == []
    assert kinds("cilium", rules, spoken, services={"shop/api": {}}) == []
    everybody = egress({"to": [{"podSelector": {}}], **ports(80)})
    assert kinds("aws-vpc-cni", everybody, spoken, services={"shop/api": {}}) == []


@pytest.mark.parametrize(
    ("peer", "kind"), [(NODE, "node_address"), (API_SERVER, "api_server_address"), (CACHE, "link_local_address")]
)
def test_b11_addresses_of_the_cluster_itself_are_warned_of_where_an_ipblock_does_not_take_them(peer, kind):
    (found,) = exported("cilium", seen("web", peer, 6443))
    assert found.kind == kind
    assert peer.address in found.sentence
    for cni in set(ALL) - {"cilium"}:
        assert exported(cni, seen("web", peer, 6443)) == ()


def test_b12_a_node_as_source_is_warned_of_with_cilium_and_with_ovn():
    from_node = seen(NODE, "web", 8443)
    assert [warning.kind for warning in exported("cilium", from_node)] == ["node_address"]
    assert [warning.kind for warning in exported("ovn-kubernetes", from_node)] == ["host_network_source"]
    assert exported("ovn-kubernetes", seen("web", NODE, 9100)) == ()
    assert exported("kube-router", from_node) == ()


def test_b14_the_metadata_service_is_not_on_the_node():
    assert exported("cilium", seen("web", METADATA, 80)) == ()


@pytest.mark.parametrize("cni", ALL)
def test_b13_a_client_seen_on_the_way_to_a_service_is_warned_of_and_one_seen_at_the_pod_is_not(cni):
    (found,) = exported(cni, via(seen(CLIENT, "web", 8443), "shop/web:443"))
    assert (found.kind, found.source) == ("client_address", PROFILES[cni].client_address.source)
    assert exported(cni, seen(CLIENT, "web", 8443)) == ()


def test_only_addresses_that_a_rule_lets_through_are_warned_of():
    spoken = seen("web", NODE, 9100)
    assert kinds("cilium", egress({"to": [block("192.168.0.0/16")], **ports(9100)}), spoken) == ["node_address"]
    assert kinds("cilium", egress({"to": [block("192.168.0.0/16")], **ports(9000, end=9200)}), spoken) == [
        "node_address",
        "end_port",
    ]
    holed = block("192.168.0.0/16", "192.168.1.0/24")
    udp = {"to": [block("192.168.0.0/16")], **ports(9100, protocol="UDP")}
    for rule in ({"to": [holed], **ports(9100)}, {"to": [block("192.168.0.0/16")], **ports(80)}, udp):
        assert kinds("cilium", egress(rule), spoken) == []
    assert kinds("cilium", egress({"to": [block("10.0.0.0/8")]}), spoken) == []


def test_c28_what_was_declined_is_not_warned_of():
    spoken = seen("web", NODE, 9100)
    rules = egress({"to": [block("192.168.0.0/16")]})
    assert kinds("cilium", rules, spoken, declined=[spoken]) == []


def test_what_was_seen_counts_only_for_policies_of_that_subject():
    rules = egress({"to": [block("192.168.0.0/16")]}, select="api")
    assert kinds("cilium", rules, seen("web", NODE, 9100)) == []


def test_c21_port_ranges_are_warned_of_where_versions_in_use_ignore_them():
    rules = egress({"to": [app("api")], **ports(9000, end=9100)})
    (found,) = warned("cilium", rules)
    assert (found.kind, found.count) == ("end_port", 1)
    assert "Egress TCP/9000-9100" in found.sentence
    for cni in set(ALL) - {"cilium"}:
        assert kinds(cni, rules) == []
    assert kinds("cilium", egress({"to": [app("api")], **ports(9000)})) == []


def test_sctp_is_warned_of_where_it_is_off_or_not_promised():
    spoken = seen("web", "api", 3868, "SCTP")
    given = {cni for cni in ALL if [warning.kind for warning in exported(cni, spoken)] == ["sctp"] * 2}
    assert given == {"cilium", "kube-router"}
    assert not any(exported(cni, spoken) for cni in set(ALL) - given)


def test_c21_port_names_are_warned_of_where_they_open_more_or_nothing():
    into, out = ingress({"from": [app("api")], **ports("http")}), egress({"to": [app("api")], **ports("http")})
    assert kinds("ovn-kubernetes", into) == kinds("ovn-kubernetes", out) == ["named_port"]
    assert (kinds("cilium", into), kinds("cilium", out)) == ([], ["named_port"])
    for cni in ("calico", "aws-vpc-cni", "kube-router"):
        assert kinds(cni, into) == kinds(cni, out) == []
    assert kinds("ovn-kubernetes", ingress({"from": [app("api")], **ports(80)})) == []


def test_c21_port_names_beside_an_ipblock_are_warned_of_where_they_are_left_out():
    into = ingress({"from": [block("203.0.113.0/24")], **ports("http")})
    out = egress({"to": [block("203.0.113.0/24")], **ports("http")})
    assert kinds("aws-vpc-cni", into) == kinds("aws-vpc-cni", out) == ["named_port_of_block"]
    assert (kinds("kube-router", into), kinds("kube-router", out)) == ([], ["named_port_of_block"])
    assert kinds("calico", out) == []
    assert kinds("aws-vpc-cni", egress({"to": [block("203.0.113.0/24")], **ports(80)})) == []


@pytest.mark.parametrize(
    "other",
    [
        {"to": [block("0.0.0.0/0")], **ports(53)},
        {"to": [block("203.0.113.7/32")], **ports(53)},
        ports(53),
    ],
)
def test_c20_exceptions_that_overlap_another_rule_are_warned_of_where_ports_are_lost(other):
    holed = {"to": [block("0.0.0.0/0", "10.0.0.0/8")], **ports(443)}
    assert kinds("aws-vpc-cni", egress(holed, other)) == ["except_overlap"]
    assert kinds("aws-vpc-cni", egress(other, holed)) == ["except_overlap"]
    assert kinds("ovn-kubernetes", egress(holed, other)) == []


def test_c20_exceptions_that_overlap_nothing_give_no_warning():
    holed = {"to": [block("203.0.113.0/24", "203.0.113.7/32"), block("198.51.100.0/24")], **ports(443)}
    apart = {"to": [block("192.0.2.0/24"), app("api")], **ports(80)}
    assert kinds("aws-vpc-cni", egress(holed, apart)) == []
    assert kinds("aws-vpc-cni", egress({"to": [block("0.0.0.0/0")]}, {"to": [block("192.0.2.0/24")]})) == []


def test_all_of_ipv6_is_warned_of_where_it_is_taken_for_less():
    assert kinds("kube-router", egress({"to": [block("::/0")]})) == ["ipv6_everything"]
    assert kinds("kube-router", egress({"to": [block("2001:db8::/32")]})) == []
    assert kinds("antrea", egress({"to": [block("::/0")]})) == []


def test_both_families_in_one_policy_are_warned_of_where_one_is_ignored():
    four, six = {"to": [block("203.0.113.0/24")]}, {"to": [block("2001:db8::/32")]}
    assert kinds("aws-vpc-cni", egress(four, six)) == ["mixed_families"]
    assert kinds("antrea", egress(four, six)) == []
    assert kinds("aws-vpc-cni", egress(four)) == kinds("aws-vpc-cni", egress(six)) == []


def test_more_ports_for_one_peer_than_it_takes_are_warned_of():
    many, most = ports(*range(8000, 8025)), ports(*range(8000, 8024))
    (found,) = warned("aws-vpc-cni", egress({"to": [app("api"), block("192.0.2.7/32")], **many}))
    assert (found.kind, found.count) == ("too_many_ports", 2)
    assert "Egress, 25 ports of 192.0.2.7/32; Egress, 25 ports of pods app=api" in found.sentence
    assert kinds("aws-vpc-cni", egress({"to": [app("api")], **most})) == []
    assert kinds("aws-vpc-cni", egress({"to": [app("api")], **most}, {"to": [app("api")], **ports(1)})) == [
        "too_many_ports"
    ]
    assert kinds("calico", egress({"to": [app("api")], **many})) == []


def test_a_pod_without_a_controller_is_warned_of_where_no_policy_holds_for_it():
    lone = replace(pod("lone", "10.0.0.9"), workload=workload("lone", kind="Pod"))
    spoken = seen(workload("lone", kind="Pod"), "api", 8080)
    assert [warning.kind for warning in exported("aws-vpc-cni", spoken, pods=[lone])] == ["standalone_pod"]
    assert exported("calico", spoken, pods=[lone]) == ()
    assert exported("aws-vpc-cni", seen("web", "api", 8080), pods=[lone]) == ()
