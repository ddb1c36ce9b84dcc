"""Communications between workloads and addresses: all pods of an end count, and the reason says why."""

import pandas as pd
import pytest

from collectors.inventory import Inventory
from recommender.communications import AddressPeer
from recommender.policy import EGRESS, INGRESS
from recommender.simulate import SimulationOptions, isolation, simulate
from tests.recommender.simulated import T0, app, block, cluster, pod, policy, seen, tcp, template, workload

SHOP = cluster(
    pod("web-0", "10.0.0.1", of="web", node="n1"),
    pod("web-1", "10.0.0.2", of="web", node="n2"),
    pod("api-0", "10.0.0.3", of="api", node="n1", ports=[(80, "TCP", "http")]),
    pod("agent", "192.168.0.1", host=True, node="n1"),
    nodes=[("n1", "192.168.0.1 fd99::1"), ("n2", "192.168.0.2")],
)
INTO_API = policy("api", select={"app": "api"}, ingress=[{"from": [app("web")], "ports": tcp(80)}])
DENY = policy("deny", types=["Ingress", "Egress"])
NO_INGRESS = policy("deny", types=["Ingress"])


def _one(policies, communication, inventory=SHOP, options=None):
    (outcome,) = simulate(policies, [communication], inventory, options)
    assert outcome.communication is communication
    assert outcome.reason.startswith(outcome.verdict)
    return outcome


def test_an_allowed_communication_names_the_rules_of_both_ends():
    out = policy("web", select={"app": "web"}, types=["Egress"], egress=[{"to": [app("api")]}])
    outcome = _one([INTO_API, out], seen("web", "api"))
    assert outcome.verdict == "allowed"
    assert (outcome.egress.rules, outcome.ingress.rules) == (("shop/web egress[0]",), ("shop/api ingress[0]",))
    assert outcome.reason == (
        "allowed: shop/web egress[0] lets TCP/80 to shop/Deployment/api out; "
        "shop/api ingress[0] lets TCP/80 from shop/Deployment/web in"
    )


def test_a_denied_communication_names_who_isolates():
    outcome = _one([INTO_API], seen("web", "api", 3000))
    assert (outcome.egress.verdict, outcome.ingress.verdict) == ("allowed", "denied")
    assert (outcome.egress.isolated, outcome.ingress.isolated) == (False, True)
    assert outcome.reason == (
        "denied: ingress of shop/Deployment/api is isolated by shop/api "
        "and no rule lets TCP/3000 from shop/Deployment/web in"
    )


def test_many_policies_are_counted_and_not_all_named():
    outcome = _one([policy(f"p{i}", types=["Ingress"]) for i in range(5)], seen("web", "api"))
    assert "isolated by shop/p0, shop/p1, shop/p2 and 2 more and no rule" in outcome.reason
    assert len(outcome.ingress.policies) == 5


def test_one_pod_of_a_workload_that_is_denied_denies_the_communication_and_is_named():
    mixed = cluster(
        pod("web-0", "10.0.0.1", of="web", app="web", track="main"),
        pod("web-1", "10.0.0.2", of="web", app="web", track="canary"),
        pod("api-0", "10.0.0.3", of="api"),
    )
    main_only = {"podSelector": {"matchLabels": {"track": "main"}}}
    outcome = _one([policy("api", select={"app": "api"}, ingress=[{"from": [main_only]}])], seen("web", "api"), mixed)
    assert outcome.verdict == "denied"
    assert outcome.reason.endswith("(for instance shop/web-1 to shop/api-0)")
    assert outcome.ingress.rules == ("shop/api ingress[0]",)


def test_finished_pods_count_too():
    gone = pod("old", "10.0.0.8", of="job", end=T0, app="job", run="1")
    alive = pod("new", "10.0.0.9", of="job", app="job", run="2")
    rule = policy("api", select={"app": "api"}, ingress=[{"from": [{"podSelector": {"matchLabels": {"run": "2"}}}]}])
    assert _one([rule], seen("job", "api"), cluster(gone, alive, pod("api", "10.0.0.3"))).verdict == "denied"
    assert _one([rule], seen("job", "api"), cluster(alive, pod("api", "10.0.0.3"))).verdict == "allowed"


def test_a_workload_without_pods_is_judged_by_its_template():
    unborn = cluster(pod("api", "10.0.0.3"), workloads=[template("web", app="web")])
    assert _one([INTO_API], seen("web", "api"), unborn).verdict == "allowed"
    assert _one([DENY], seen("web", "api"), unborn).verdict == "denied"


def test_what_an_unborn_pods_address_decides_is_undecidable():
    unborn = cluster(pod("api", "10.0.0.3"), workloads=[template("web", app="web")])
    outcome = _one(
        [policy(select={"app": "api"}, ingress=[{"from": [block("10.0.0.0/8")]}])], seen("web", "api"), unborn
    )
    assert outcome.verdict == "undecidable"
    assert outcome.reason.endswith("the addresses or container ports of shop/Deployment/web are not known")


def test_a_port_name_at_an_unborn_pod_is_undecidable():
    unborn = cluster(pod("web", "10.0.0.1"), workloads=[template("api", app="api")])
    rule = policy(select={"app": "api"}, ingress=[{"ports": tcp("http")}])
    assert _one([rule], seen("web", "api"), unborn).verdict == "undecidable"


def test_a_workload_that_nobody_knows_is_undecidable_where_policies_might_select_it():
    outcome = _one([INTO_API], seen("ghost", "web"))
    assert outcome.verdict == "allowed"
    outcome = _one([policy(select={"app": "x"}, types=["Egress"])], seen("ghost", "web"))
    assert outcome.verdict == "undecidable"
    assert "the labels of shop/Deployment/ghost are not known" in outcome.reason


def test_no_communications_no_outcomes_and_no_policies_all_allowed():
    assert simulate([DENY], [], SHOP) == ()
    assert _one([], seen("web", "api")).verdict == "allowed"
    assert _one([], seen("web", "api"), Inventory()).verdict == "allowed"


def test_existing_policies_are_a_union_with_new_ones():
    closed = policy("api2", select={"app": "api"}, ingress=[{"from": [app("nobody")]}])
    assert _one([closed, INTO_API], seen("web", "api")).verdict == "allowed"


# addresses


@pytest.mark.parametrize("kind", ["external", "api_server", "link_local", "node"])
def test_an_address_is_reached_by_ip_block_only(kind):
    to = AddressPeer("203.0.113.7", kind)
    by_block = policy(select={"app": "web"}, types=["Egress"], egress=[{"to": [block("203.0.113.7/32")]}])
    by_label = policy(select={"app": "web"}, types=["Egress"], egress=[{"to": [{"namespaceSelector": {}}]}])
    assert _one([by_block], seen("web", to)).verdict == "allowed"
    assert _one([by_label], seen("web", to)).verdict == "denied"


@pytest.mark.parametrize("kind", ["unresolved", "ambiguous"])
def test_an_address_that_may_be_a_pods_is_undecidable_where_only_labels_could_allow(kind):
    to = AddressPeer("10.9.9.9", kind)
    by_label = policy(select={"app": "web"}, types=["Egress"], egress=[{"to": [app("api")], "ports": tcp(80)}])
    assert _one([by_label], seen("web", to)).verdict == "undecidable"
    assert _one([by_label], seen("web", to, 81)).verdict == "denied"


def test_what_is_behind_a_service_is_not_known():
    to = AddressPeer("10.96.0.1", "service", "shop/legacy")
    narrow = policy(select={"app": "web"}, types=["Egress"], egress=[{"to": [app("api")], "ports": tcp(80)}])
    assert _one([narrow], seen("web", to)).verdict == "undecidable"
    assert _one([policy(select={"app": "web"}, egress=[{}])], seen("web", to)).verdict == "allowed"
    assert _one([DENY], seen("web", to)).verdict == "denied"


def test_loopback_is_not_policed_and_multicast_is_undecidable():
    assert _one([DENY], seen("web", AddressPeer("127.0.0.1", "loopback"))).verdict == "allowed"
    assert _one([DENY], seen("web", AddressPeer("224.0.0.251", "multicast"))).verdict == "undecidable"


def test_no_policy_selects_an_address():
    outcome = _one([], seen("8.8.8.8", "api"))
    assert outcome.egress.reason == "external 8.8.8.8 is no pod that a policy selects"
    assert not outcome.egress.isolated


def test_a_port_name_lets_nothing_out_to_an_address():
    named = policy(select={"app": "web"}, types=["Egress"], egress=[{"ports": tcp("http")}])
    assert _one([named], seen("web", "8.8.8.8")).verdict == "denied"


def test_a_port_name_at_a_host_network_pod_is_undecidable():
    host = cluster(pod("web", "10.0.0.1"), pod("agent", "192.168.0.1", host=True, ports=[(80, "TCP", "http")]))
    named = policy(select={"app": "web"}, types=["Egress"], egress=[{"ports": tcp("http")}])
    assert _one([named], seen("web", "agent"), host).verdict == "undecidable"


# nodes


def test_a_pods_own_node_always_reaches_it():
    node = AddressPeer("192.168.0.1", "node", "n1")
    outcome = _one([NO_INGRESS], seen(node, "api"))
    assert outcome.verdict == "allowed"
    assert outcome.ingress.reason.endswith("and its own node always reach each other")


def test_a_node_that_the_inventory_does_not_list_is_known_by_name():
    unlisted = cluster(pod("api", "10.0.0.3", node="n1"))
    assert _one([NO_INGRESS], seen(AddressPeer("192.168.0.9", "node", "n1"), "api"), unlisted).verdict == "allowed"
    assert _one([NO_INGRESS], seen(AddressPeer("192.168.0.9", "node", "n2"), "api"), unlisted).verdict == "denied"


def test_another_node_does_not():
    assert _one([NO_INGRESS], seen(AddressPeer("192.168.0.2", "node", "n2"), "api")).verdict == "denied"


def test_a_node_that_is_the_own_one_of_some_pods_only_is_judged_by_the_others():
    node = AddressPeer("192.168.0.1", "node", "n1")
    assert _one([NO_INGRESS], seen(node, "web")).verdict == "denied"


def test_unless_the_communication_was_seen_to_be_node_local():
    node = AddressPeer("192.168.0.1", "node", "n1")
    assert _one([NO_INGRESS], seen(node, "web", notes=("node_local",))).verdict == "allowed"


def test_a_host_network_pod_is_its_node():
    assert _one([NO_INGRESS], seen("agent", "api")).verdict == "allowed"
    assert _one([NO_INGRESS], seen("agent", "web")).verdict == "denied"


def test_a_pod_whose_node_is_not_known_may_be_on_that_node():
    unborn = cluster(nodes=[("n1", "192.168.0.1")], workloads=[template("api", app="api")])
    outcome = _one([NO_INGRESS], seen(AddressPeer("192.168.0.1", "node", "n1"), "api"), unborn)
    assert outcome.verdict == "undecidable"
    assert "may be the node of shop/Deployment/api" in outcome.reason


def test_a_pod_reaches_its_own_node_by_ip_block_or_by_option():
    to = AddressPeer("192.168.0.1", "node", "n1")
    deny = policy(types=["Egress"])
    opened = policy(types=["Egress"], egress=[{"to": [block("192.168.0.1/32")]}])
    assert _one([deny], seen("api", to)).verdict == "denied"
    assert _one([opened], seen("api", to)).verdict == "allowed"
    always = SimulationOptions(own_node_always_reachable=True)
    assert _one([deny], seen("api", to), options=always).verdict == "allowed"
    assert _one([deny], seen("api", AddressPeer("192.168.0.2", "node")), options=always).verdict == "denied"


def test_an_unresolved_address_that_is_a_nodes_is_that_node():
    assert _one([NO_INGRESS], seen(AddressPeer("192.168.0.1", "unresolved"), "api")).verdict == "allowed"


# dual stack

BOTH = cluster(pod("web", "10.0.0.1 fd00::1"), pod("api", "10.0.0.2 fd00::2"), pod("six", "fd00::3"))


def test_a_block_of_one_family_decides_only_for_that_family():
    four = policy(select={"app": "api"}, ingress=[{"from": [block("10.0.0.0/24")]}])
    outcome = _one([four], seen("web", "api"), BOTH)
    assert outcome.verdict == "undecidable"
    assert "allowed over IPv4 and denied over IPv6" in outcome.reason
    six = policy("six", select={"app": "api"}, ingress=[{"from": [block("fd00::/64")]}])
    assert _one([four, six], seen("web", "api"), BOTH).verdict == "allowed"


def test_only_families_that_both_ends_have_count():
    six = policy("six", select={"app": "api"}, ingress=[{"from": [block("fd00::/64")]}])
    assert _one([six], seen("six", "api"), BOTH).verdict == "allowed"


def test_each_family_denied_at_another_end_is_denied():
    into = policy("in", select={"app": "api"}, ingress=[{"from": [block("10.0.0.0/24")]}])
    out = policy("out", select={"app": "web"}, types=["Egress"], egress=[{"to": [block("fd00::/64")]}])
    assert _one([into, out], seen("web", "api"), BOTH).verdict == "denied"


# self

ALWAYS = SimulationOptions(self_always_allowed=True)


def test_a_hairpin_is_one_pod_with_itself():
    hairpin = seen("web", "web", notes=("hairpin",))
    assert _one([DENY], hairpin).verdict == "denied"
    assert _one([DENY], hairpin, options=ALWAYS).verdict == "allowed"


def test_a_workload_of_several_pods_with_itself_is_more_than_that():
    assert _one([DENY], seen("web", "web"), options=ALWAYS).verdict == "denied"
    assert _one([DENY], seen("api", "api"), options=ALWAYS).verdict == "allowed"


def test_isolation_names_every_workload_and_the_directions_in_which_all_its_pods_are_isolated():
    inventory = cluster(
        pod("web-0", "10.0.0.1", of="web", app="web", track="main"),
        pod("web-1", "10.0.0.2", of="web", app="web"),
        pod("agent", "192.168.0.1", host=True),
        pod("api", "10.0.0.3"),
        workloads=[template("unborn", app="api"), template("unknown")],
    )
    policies = [
        policy("a", select={"track": "main"}, types=["Ingress"]),
        policy("b", select={"app": "web"}, types=["Egress"]),
        policy("c", select={"app": "api"}, types=["Ingress", "Egress"]),
    ]
    found = isolation(policies, inventory)
    assert list(found) == sorted(found)
    assert found == {
        workload("agent"): frozenset(),
        workload("api"): frozenset([INGRESS, EGRESS]),
        workload("unborn"): frozenset([INGRESS, EGRESS]),
        workload("unknown"): frozenset(),
        workload("web"): frozenset([EGRESS]),
    }


def test_thousands_of_pods_that_policies_do_not_tell_apart_are_few_actors():
    many = cluster(
        *(pod(f"web-{i}", f"10.0.{i // 250}.{i % 250}", of="web", app="web", hash=str(i)) for i in range(2000)),
        *(pod(f"api-{i}", f"10.1.{i // 250}.{i % 250}", of="api", app="api", hash=str(i)) for i in range(2000)),
    )
    before = pd.Timestamp.now()
    assert _one([INTO_API], seen("web", "api"), many).verdict == "allowed"
    assert pd.Timestamp.now() - before < pd.Timedelta("20s")  # four million pairs would take minutes
