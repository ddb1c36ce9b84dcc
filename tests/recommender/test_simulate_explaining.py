"""Why a connection is allowed or denied: both ends, rule by rule, nearest miss first, and the rule that is missing."""

from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import PodfenceError
from collectors.inventory import EndpointSlice, Service, ServicePort, SlicePort, Workload
from recommender.explanation_words import explanation_data, explanation_lines
from recommender.manifest_read import policy_from_object
from recommender.manifest_write import policy_to_object
from recommender.policy import LabelSelector, Requirement
from recommender.simulate import judge
from recommender.simulate.explaining import explain
from recommender.simulate.misses import selector_text
from tests.recommender.simulated import T0, app, block, cluster, pod, policy, tcp, workload

WEB = pod("web-1", "10.0.0.1", of="web", node="n1", app="web", tier="front")
API = pod("api-1", "10.0.0.2", of="api", node="n1", ports=[(8080, "TCP", "http")], app="api")
DB = pod("db-1", "10.0.1.1", namespace="data", of="db", node="n2", app="db")
AGENT = pod("agent", "192.168.0.1", namespace="data", node="n2", host=True, app="agent")
TOWN = cluster(WEB, API, DB, AGENT, nodes=[("n1", "192.168.0.2"), ("n2", "192.168.0.1")], data={"team": "b"})
TOWN = replace(TOWN, pod_cidrs=("10.0.0.0/16",), service_cidrs=("10.96.0.0/12",))


def _rules(found, direction="ingress"):
    return [rule for policy_ in getattr(found.pairs[0], direction).policies for rule in policy_.rules]


def _reason(rule, target=API, src="shop/web-1", port="8080"):
    made = policy("p", target.namespace, select={"app": target.labels["app"]}, ingress=[rule])
    found = explain([made], TOWN, src, f"{target.namespace}/{target.name}", port)
    (rule_,) = _rules(found)
    return rule_.lets, "; ".join(rule_.reasons)


def _such(*wanted):
    fields = [dict(zip(("key", "operator", "values"), one, strict=False)) for one in wanted]
    return [{"podSelector": {"matchExpressions": fields}}]


@pytest.mark.parametrize(
    ("rule", "lets", "reason"),
    [
        ({}, True, ""),
        ({"from": [app("web")], "ports": tcp(8080)}, True, ""),
        ({"from": [app("cron")]}, False, "from[0] podSelector app=cron: shop/web-1 has the label app=web, not cron"),
        ({"from": [{"podSelector": {"matchLabels": {"zone": "a"}}}]}, False, "has no label zone"),
        ({"from": _such(("app", "In", ["a", "b"]))}, False, "app in (a,b): shop/web-1 has the label app=web, not a or"),
        ({"from": _such(("app", "NotIn", ["web"]))}, False, "app notin (web): shop/web-1 has the label app=web, which"),
        ({"from": _such(("x", "Exists"))}, False, "podSelector x: shop/web-1 has no label x"),
        ({"from": _such(("app", "DoesNotExist"))}, False, "!app: shop/web-1 has the label app, which it must not"),
        ({"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]}, False, "namespace shop has no label team"),
        ({"from": [block("10.9.0.0/16")]}, False, "from[0] ipBlock 10.9.0.0/16: 10.0.0.1 is not in 10.9.0.0/16"),
        ({"from": [block("10.0.0.0/8", "10.0.0.0/24")]}, False, "10.0.0.1 is in its except 10.0.0.0/24"),
        ({"ports": tcp(80)}, False, "ports TCP/80: the port is 8080"),
        ({"ports": [{"port": 80, "endPort": 90}]}, False, "ports TCP/80-90: the port is 8080"),
        ({"ports": [{"protocol": "UDP", "port": 8080}]}, False, "ports UDP/8080: the protocol is TCP"),
        ({"ports": [{"protocol": "UDP", "port": 53}]}, False, "ports UDP/53: the protocol is TCP and the port is 8080"),
        ({"ports": [{"port": "http"}]}, True, ""),
        ({"ports": [{"port": "grpc"}]}, False, "shop/api-1 declares no TCP port of that name"),
        ({"from": [app("web")], "ports": [{"port": 8079, "endPort": 8081}]}, True, ""),
    ],
)  # fmt: skip
def test_d32_a_rule_that_does_not_let_it_through_says_what_does_not_fit(rule, lets, reason):
    found, text = _reason(rule)
    assert found is lets
    assert reason in text
    assert bool(text) == (not lets)


def test_d32_a_name_that_means_another_port_says_which():
    assert _reason({"ports": [{"port": "http"}]}, port="9090") == (
        False, "ports TCP/http: shop/api-1 has that name at 8080, and the port is 9090",
    )  # fmt: skip


def test_d32_a_pod_selector_takes_pods_of_its_own_namespace_and_no_addresses():
    assert (
        "takes pods of its own namespace data only, and shop/web-1 is in shop" in _reason({"from": [app("web")]}, DB)[1]
    )
    assert "takes pods, and 192.0.2.7 is no pod" in _reason({"from": [app("web")]}, src="192.0.2.7")[1]
    assert (
        "takes pods, and data/agent uses the network of its node" in _reason({"from": [app("x")]}, src="data/agent")[1]
    )


def test_rules_stand_in_the_order_of_how_near_they_miss():
    made = policy(
        "p",
        select={"app": "api"},
        ingress=[
            {"from": [app("cron")], "ports": [{"protocol": "UDP", "port": 1}]},
            {"from": [block("203.0.113.0/24")], "ports": tcp(80)},
            {"from": [app("web")], "ports": tcp(80)},
        ],
    )
    found = explain([made], TOWN, "shop/web-1", "shop/api-1", "8080")
    assert [(rule.name, rule.distance) for rule in _rules(found)] == [
        ("shop/p ingress[2]", 1), ("shop/p ingress[1]", 2), ("shop/p ingress[0]", 3),
    ]  # fmt: skip


def test_an_end_that_nothing_isolates_says_so():
    found = explain([], TOWN, "shop/web-1", "data/agent", "80")
    assert (found.verdict, found.pairs[0].egress.isolated) == ("allowed", False)
    assert found.pairs[0].ingress.why == "data/agent is no pod that a policy selects"


@pytest.mark.parametrize("address", ["10.0.0.99", "10.99.0.1", "172.16.0.9"], ids=["pod range", "Services", "private"])
def test_b14_an_address_that_may_be_a_pod_is_undecidable(address):
    made = policy("p", select={"app": "web"}, types=["Egress"], egress=[{"to": [app("api")]}])
    found = explain([made], TOWN, "shop/web-1", address, "80")
    assert found.verdict == "undecidable"
    assert _rules(found, "egress")[0].lets is None
    assert f"{address} may be a pod that is not in the inventory" in "\n".join(explanation_lines(found))


def test_b11_an_address_of_the_api_server_is_no_pod():
    behind = EndpointSlice("default", "kubernetes", "kubernetes", (SlicePort(6443),), (("172.16.0.9", ""),))
    made = policy("p", select={"app": "web"}, types=["Egress"], egress=[{"to": [app("api")]}])
    found = explain([made], replace(TOWN, slices=(behind,)), "shop/web-1", "172.16.0.9", "6443")
    assert found.verdict == "denied"
    assert found.pairs[0].egress.missing["egress"][0]["to"] == [{"ipBlock": {"cidr": "172.16.0.9/32"}}]


def test_a_pods_own_address_is_that_pod():
    assert explain([], TOWN, "10.0.0.1", "10.0.0.2", "80").pairs[0].dst == "shop/api-1"


HTTP = (ServicePort(80, target_port="http"),)
SERVICE = Service("shop", "api", cluster_ips=("10.96.0.9",), selector={"app": "api"}, ports=HTTP)
SLICE = EndpointSlice("shop", "api-x", "api", (SlicePort(8080),), (("10.0.0.2", "api-1"), ("192.0.2.9", "")))


@pytest.mark.parametrize(("slices", "behind"), [((), 1), ((SLICE,), 2)], ids=["selector", "slice"])
@pytest.mark.parametrize("named", ["10.96.0.9", "shop/Service/api"])
def test_b10_a_services_address_is_the_pods_behind_it_at_their_own_port(named, slices, behind):
    town = replace(TOWN, services=(SERVICE,), slices=slices)
    made = policy("p", select={"app": "api"}, ingress=[{"from": [app("web")], "ports": tcp(8080)}])
    found = explain([made], town, "shop/web-1", named, "80")
    assert (found.verdict, found.service) == ("allowed", "shop/api")
    assert found.behind == ("192.0.2.9 8080/TCP", "shop/api-1 8080/TCP")[-behind:]
    assert {pair.port for pair in found.pairs} == {8080}


def test_b10_a_service_with_nothing_behind_it_is_undecidable():
    town = replace(TOWN, services=(replace(SERVICE, selector={"app": "none"}),))
    found = explain([], town, "shop/web-1", "10.96.0.9", "80")
    assert (found.verdict, found.pairs) == ("undecidable", ())
    assert "nothing that is known" in "\n".join(explanation_lines(found))


@pytest.mark.parametrize(
    ("src", "dst", "port", "says"),
    [
        (
            "shop/web",
            "shop/api-1",
            "80",
            "source 'shop/web': is no pod of the inventory; perhaps shop/Deployment/web is",
        ),
        ("shop/web-1", "shop/Job/x", "80", "destination 'shop/Job/x': is no workload of the inventory"),
        ("shop/web-1", "nowhere", "80", "is no end of a connection; write namespace/pod"),
        ("shop/web-1", "", "80", "is no end of a connection"),
        ("shop/web-1", "10.96.0.9", "81", "the Service shop/api has no port 81/TCP; its ports are 80/TCP"),
        ("10.96.0.9", "shop/api-1", "80", "is the Service shop/api, which begins no connection"),
        ("shop/web-1", "shop/Service/none", "80", "is no Service of the inventory"),
        ("shop/web-1", "shop/api-1", "http", "port 'http': is no port"),
        ("shop/web-1", "shop/api-1", "0", "is no port"),
        ("shop/web-1", "shop/api-1", "65536/TCP", "is no port"),
        ("shop/web-1", "shop/api-1", "80/ICMP", "says nothing of that protocol; write TCP, UDP or SCTP"),
        ("shop/web-1", "a\nb/" + "c" * 500, "80", "is no pod of the inventory"),
    ],
)
def test_an_end_or_port_that_is_none_is_one_sentence(src, dst, port, says):
    with pytest.raises(PodfenceError) as refused:
        explain([], replace(TOWN, services=(SERVICE,)), src, dst, port)
    message = str(refused.value)
    assert says in message
    assert "\n" not in message
    assert len(message) < 400


def test_a_workload_stands_for_its_unlike_pods_the_worst_first():
    old = pod("web-2", "10.0.0.5", of="web", app="web", tier="old")
    town = cluster(WEB, old, API)
    made = policy("p", select={"app": "api"}, ingress=[{"from": [{"podSelector": {"matchLabels": {"tier": "front"}}}]}])
    found = explain([made], town, "shop/deployment/web", "shop/api-1", "80")
    assert [(pair.src, pair.verdict) for pair in found.pairs] == [("shop/web-2", "denied"), ("shop/web-1", "allowed")]
    assert found.verdict == "denied"


def test_b7_finished_pods_count_only_where_no_other_is_meant():
    gone = replace(pod("web-0", "10.0.0.9", of="web", app="gone"), end=T0)
    town = cluster(WEB, gone, API)
    made = policy("p", select={"app": "api"}, ingress=[{"from": [app("web")]}])
    assert explain([made], town, "shop/Deployment/web", "shop/api-1", "80").verdict == "allowed"
    assert explain([made], town, "shop/web-0", "shop/api-1", "80").verdict == "denied"


def test_a_workload_without_pods_is_explained_as_its_template_would_be():
    town = cluster(API, workloads=[Workload(workload("cron", kind="CronJob"), None, {"app": "cron"})])
    made = policy("p", select={"app": "api"}, ingress=[{"from": [app("cron")]}])
    assert explain([made], town, "shop/CronJob/cron", "shop/api-1", "80").verdict == "allowed"


def test_the_rule_that_is_missing_names_the_other_end_and_never_every_pod():
    plain = pod("bare", "10.0.0.7", of="bare", **{"pod-template-hash": "x"})
    town = cluster(WEB, plain, API)
    deny = policy("deny", types=["Ingress"])
    narrow = policy("narrow", select={"app": "api"}, ingress=[{"from": [app("cron")]}])
    found = explain([deny, narrow], town, "shop/web-1", "shop/api-1", "80/udp").pairs[0].ingress
    assert found.belongs_to == "shop/narrow"
    assert found.missing == {
        "ingress": [
            {
                "from": [{"podSelector": {"matchLabels": {"app": "web", "tier": "front"}}}],
                "ports": [{"protocol": "UDP", "port": 80}],
            }
        ]
    }
    nameless = explain([deny], town, "shop/bare", "shop/api-1", "80")
    assert nameless.pairs[0].ingress.missing is None
    assert "no rule can name the other end" in "\n".join(explanation_lines(nameless))
    alone = "\n".join(explanation_lines(explain([deny], town, "shop/web-1", "shop/api-1", "80")))
    assert "in a policy that selects it alone (shop/deny selects every pod of its namespace)" in alone


def test_a_selector_is_written_as_kubectl_describes_it():
    selector = LabelSelector(
        (("b", "1"),),
        (Requirement("a", "In", ("x", "y")), Requirement("c", "DoesNotExist"), Requirement("d", "Exists")),
    )
    assert selector_text(selector) == "a in (x,y),b=1,!c,d"
    assert selector_text(LabelSelector()) == "<none>"


_APPS = st.sampled_from(["web", "api", "db", "none"])
_PEERS = st.one_of(
    _APPS.map(app),
    _APPS.map(lambda name: {**app(name), "namespaceSelector": {}}),
    st.just({"namespaceSelector": {"matchLabels": {"team": "b"}}}),
    st.sampled_from([block("10.0.0.0/16"), block("10.0.0.0/16", "10.0.1.0/24"), block("192.0.2.0/24")]),
)
_PORTS = st.sampled_from(
    [{"port": 80}, {"port": 8080}, {"port": "http"}, {"protocol": "UDP"}, {"port": 1, "endPort": 99}]
)
_RULES = st.fixed_dictionaries(
    {}, optional={"from": st.lists(_PEERS, max_size=2), "ports": st.lists(_PORTS, max_size=2)}
)
_OPENINGS = st.lists(_RULES, max_size=3)
_POLICIES = st.lists(
    st.tuples(_APPS, st.sampled_from(["shop", "data"]), _OPENINGS, _OPENINGS, st.booleans()), max_size=4
)
_ENDS = st.sampled_from(["shop/web-1", "shop/api-1", "data/db-1", "data/agent", "192.0.2.7", "192.168.0.2"])


def _drawn(parts):
    made = []
    for number, (name, namespace, ingress, egress, everyone) in enumerate(parts):
        out = [{("to" if key == "from" else key): value for key, value in rule.items()} for rule in egress]
        fields = {"select": {} if everyone else {"app": name}, "ingress": ingress, "egress": out}
        made.append(policy(f"p{number}", namespace, types=["Ingress", "Egress"], **fields))
    return made


@given(_POLICIES, _ENDS, _ENDS, st.sampled_from([(80, "TCP"), (8080, "TCP"), (53, "UDP")]))
def test_d32_every_explanation_agrees_with_the_judge_and_names_the_same_rules(parts, src, dst, wire):
    policies = _drawn(parts)
    found = explain(policies, TOWN, src, dst, f"{wire[0]}/{wire[1]}")
    probe = pd.DataFrame({"src": [src], "dst": [dst], "protocol": [wire[1]], "dst_port": [wire[0]]})
    judged = judge(policies, TOWN, probe).iloc[0]
    assert found.verdict == judged["verdict"]
    for direction in ("egress", "ingress"):
        end = getattr(found.pairs[0], direction)
        listed = [rule for policy_ in end.policies for rule in policy_.rules]
        if not end.why:  # a node reaches its own pods whatever rules say
            assert _sorted(rule.name for rule in listed if rule.lets) == judged[f"{direction}_rules"]
        assert _sorted(policy_.name for policy_ in end.policies) == judged[f"{direction}_policies"]
        assert all(bool(rule.reasons) == (rule.lets is not True) for rule in listed)


def _sorted(names):
    return ", ".join(sorted(names))


@given(_POLICIES, _ENDS, _ENDS)
def test_d32_the_missing_rules_are_all_that_is_missing(parts, src, dst):
    policies = _drawn(parts)
    pair = explain(policies, TOWN, src, dst, "80").pairs[0]
    objects = {f"{p.namespace}/{p.name}": policy_to_object(p) for p in policies}
    for end in (pair.egress, pair.ingress):
        assert (end.missing is not None) == (end.verdict == "denied")
        for way, rules in (end.missing or {}).items():
            objects[end.belongs_to]["spec"].setdefault(way, []).extend(rules)
    opened = [policy_from_object(item, "p") for item in objects.values()]
    wanted = "undecidable" if pair.verdict == "undecidable" else "allowed"
    assert explain(opened, TOWN, src, dst, "80").verdict == wanted


@given(_POLICIES, _ENDS, _ENDS)
def test_text_and_data_tell_every_policy_that_isolates(parts, src, dst):
    found = explain(_drawn(parts), TOWN, src, dst, "80")
    text, data = "\n".join(explanation_lines(found)), explanation_data(found)
    assert data["verdict"] == found.verdict
    assert all(f"  {one.name} selects it by" in text for one in found.pairs[0].ingress.policies)


@pytest.mark.parametrize("written", ["::ffff:8.8.8.8", "fe80::1%eth0"])
def test_an_address_is_explained_however_it_is_written_as_judge_judges_it(written):
    made = [policy(select={"app": "api"}, ingress=[{"from": [block("8.8.0.0/16")]}])]
    probe = pd.DataFrame([(written, "shop/api-1", "TCP", 80)], columns=["src", "dst", "protocol", "dst_port"])
    found = explain(made, TOWN, written, "shop/api-1", "80")
    assert found.verdict == judge(made, TOWN, probe)["verdict"][0] == ("allowed" if "ffff" in written else "denied")


def test_nothing_is_said_of_labels_that_are_not_known():
    later = Workload(workload("later", "data"), None, {})
    town = replace(TOWN, workloads={later.ref: later})
    made = [policy(select={"app": "api"}, ingress=[{"from": [app("web")]}])]
    found = explain(made, town, "data/Deployment/later", "shop/api-1", "80")
    (reason,) = _rules(found)[0].reasons
    assert reason.endswith("takes pods of its own namespace shop only, and data/Deployment/later is in data")
