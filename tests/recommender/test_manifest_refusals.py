"""What a kube-apiserver refuses is refused, in one sentence with the place; and no text makes a traceback."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.errors import UnreadableInput
from recommender import manifest
from recommender.manifest import from_yaml, policies_from_yaml, to_yaml


def _policy(spec, **metadata):
    metadata = {"name": "p", "namespace": "web"} | metadata
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _ports(*ports):
    return {"podSelector": {}, "ingress": [{"ports": list(ports)}]}


def _from(*peers):
    return {"podSelector": {}, "ingress": [{"from": list(peers)}]}


def _block(cidr, *excepts):
    return _from({"ipBlock": {"cidr": cidr, "except": list(excepts)}})


def _select(**selector):
    return {"podSelector": selector}


FIRST_PORT, FIRST_PEER = "spec.ingress[0].ports[0]", "spec.ingress[0].from[0]"
REFUSED = [
    (_ports({"port": 99999}), f"{FIRST_PORT}.port: 99999 is not a port number"),
    (_ports({"port": 0}), f"{FIRST_PORT}.port: 0 is not"),
    (_ports({"port": -1}), f"{FIRST_PORT}.port: -1 is not"),
    (_ports({"port": 80.5}), f"{FIRST_PORT}.port: 80.5 is not"),
    (_ports({"port": True}), f"{FIRST_PORT}.port: True is not"),
    (_ports({"port": [80]}), f"{FIRST_PORT}.port: a list is not"),
    (_ports({"port": "80"}), f"{FIRST_PORT}.port: '80' may hold only"),
    (_ports({"port": ""}), f"{FIRST_PORT}.port: '' may hold only"),
    (_ports({"port": "This_Is_Bad"}), f"{FIRST_PORT}.port: 'This_Is_Bad' may"),
    (_ports({"port": "a--b"}), f"{FIRST_PORT}.port: 'a--b' may"),
    (_ports({"port": "a-very-long-port-name"}), f"{FIRST_PORT}.port: 'a-very-long-port-name' has 21 characters"),
    (_ports({"port": 1, "protocol": "ICMP"}), f"{FIRST_PORT}.protocol: 'ICMP' is not a protocol"),
    (_ports({"port": 1, "protocol": "tcp"}), f"{FIRST_PORT}.protocol: 'tcp' is not"),
    (_ports({"port": 1, "protocol": ""}), f"{FIRST_PORT}.protocol: '' is not"),
    (_ports({"port": 90, "endPort": 80}), f"{FIRST_PORT}.endPort: 80 is below the port 90"),
    (_ports({"port": "web", "endPort": 80}), f"{FIRST_PORT}.endPort: needs a number"),
    (_ports({"endPort": 80}), f"{FIRST_PORT}.endPort: needs a number"),
    (_ports({"port": 1, "endPort": 70000}), f"{FIRST_PORT}.endPort: 70000 is not"),
    (_ports({"port": 1, "end_port": 2}), f"{FIRST_PORT}.end_port: is a field that"),
    (_block("10.0.0.300/8"), f"{FIRST_PEER}.ipBlock.cidr: '10.0.0.300/8' is no CIDR"),
    (_block("10.0.0.5"), f"{FIRST_PEER}.ipBlock.cidr: '10.0.0.5' is no CIDR"),
    (_block("10.0.0.5/8"), "has bits set beyond its prefix; write 10.0.0.0/8"),
    (_block("10.0.0.0/255.0.0.0"), "is no CIDR"),
    (_block("010.0.0.0/8"), "is no CIDR"),
    (_block("10.0.0.0/08"), "is no CIDR"),
    (_block("10.0.0.0/33"), "is no CIDR"),
    (_block("fe80::1%eth0/128"), "is no CIDR"),
    (_block("::ffff:10.0.0.0/104"), "is an IPv4 network in IPv6 form"),
    (_block(10), f"{FIRST_PEER}.ipBlock.cidr: 10 is not text"),
    (_from({"ipBlock": {}}), f"{FIRST_PEER}.ipBlock.cidr: '' is no CIDR"),
    (_block("10.0.0.0/8", "10.0.0.0/8"), f"{FIRST_PEER}.ipBlock.except[0]: 10.0.0.0/8 is not a strict part"),
    (_block("10.0.0.0/8", "11.0.0.0/16"), "11.0.0.0/16 is not a strict part of 10.0.0.0/8"),
    (_block("10.0.0.0/8", "fd00::/64"), "fd00::/64 is not a strict part"),
    (_from({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}), f"{FIRST_PEER}: joins an ipBlock"),
    (_from({}), f"{FIRST_PEER}: names no peer"),
    (_from(None), f"{FIRST_PEER}: names no peer"),
    (_from({"podSelector": None}), f"{FIRST_PEER}: names no peer"),
    (_from({"podselector": {}}), f"{FIRST_PEER}.podselector: is a field that NetworkPolicy does not have"),
    (_select(matchLabels={"app": "a b!"}), "spec.podSelector.matchLabels.app: 'a b!' may hold only"),
    (_select(matchLabels={"app": "a" * 64}), "has 64 characters, more than 63"),
    (_select(matchLabels={"app": True}), "spec.podSelector.matchLabels.app: True is not text; put it in quotes"),
    (_select(matchLabels={"-bad-/x": "y"}), "'-bad-/x' has a prefix"),
    (_select(matchLabels={"/x": "y"}), "'/x' has a prefix"),
    (_select(matchLabels={"a" * 64: "y"}), "has a name of 64 characters"),
    (_select(matchLabels={"": "y"}), "'' may hold only"),
    (_select(matchLabels=["a"]), "spec.podSelector.matchLabels: a list is not a mapping"),
    (_select(app="api"), "spec.podSelector.app: is a field"),
    (_select(matchExpressions=[{"key": "a", "operator": "Foo"}]), "matchExpressions[0].operator: 'Foo' is not"),
    (_select(matchExpressions=[{"key": "a"}]), "matchExpressions[0].operator: None is not"),
    (_select(matchExpressions=[{"key": "a", "operator": "In"}]), "matchExpressions[0].values: is empty"),
    (_select(matchExpressions=[{"key": "a", "operator": "Exists", "values": ["x"]}]), "values: is given"),
    (_select(matchExpressions=[{"operator": "Exists"}]), "matchExpressions[0].key: '' may"),
    (_select(matchExpressions=[{"key": "a", "operator": "In", "values": ["?"]}]), "values[0]: '?' may"),
    ({"podSelector": {}, "policyTypes": ["ingress"]}, "spec.policyTypes[0]: 'ingress' is not a policy type"),
    ({"podSelector": {}, "policyTypes": ["Ingress", "Egress", "Ingress"]}, "spec.policyTypes: holds 3 entries"),
    ({"podSelector": {}, "policyTypes": "Ingress"}, "spec.policyTypes: 'Ingress' is not a list"),
    ({"podSelector": {}, "ingres": []}, "spec.ingres: is a field that NetworkPolicy does not have"),
    ({"podSelector": {}, "ingress": {}}, "spec.ingress: a mapping is not a list"),
    ({"podSelector": {}, "egress": [{"from": []}]}, "spec.egress[0].from: is a field"),
    ([], "spec: a list is not a mapping"),
]


@pytest.mark.parametrize(("spec", "sentence"), REFUSED, ids=lambda part: part if isinstance(part, str) else "")
@pytest.mark.parametrize("write", [to_yaml, json.dumps], ids=["yaml", "json"])
def test_what_the_api_server_refuses_is_refused_with_file_field_and_reason(spec, sentence, write):
    with pytest.raises(UnreadableInput) as refused:
        policies_from_yaml(write(_policy(spec)), "my.yaml")
    message = str(refused.value)
    assert message.startswith("my.yaml: ")
    assert sentence in message
    assert "; " in message
    assert message.isascii()
    assert message.isprintable()


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ({"name": "Bad_Name"}, "metadata.name: 'Bad_Name' may hold only"),
        ({"name": "a" * 254}, "has 254 characters, more than 253"),
        ({"name": None}, "metadata.name: '' may hold only"),
        ({"namespace": "a.b"}, "metadata.namespace: 'a.b' may hold only"),
        ({"namespace": "a" * 64}, "has 64 characters, more than 63"),
        ({"labels": {"a": "\x1b[2J"}}, "metadata.labels.a: '\\x1b[2J' may hold only"),
        ({"annotations": {"a b": "x"}}, "metadata.annotations: 'a b' may hold only"),
        ({"annotations": {"a": "x" * 300_000}}, "metadata.annotations: are more than 256 KiB"),
        ({"annotations": {"a": 5}}, "metadata.annotations.a: 5 is not text"),
        ({"lables": {}}, "metadata.lables: is a field"),
    ],
)
def test_bad_metadata_is_refused(metadata, sentence):
    with pytest.raises(UnreadableInput) as refused:
        policies_from_yaml(to_yaml(_policy({}, **metadata)), "my.yaml")
    assert sentence in str(refused.value)


LAUGHS = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
LIST = "kind: NetworkPolicyList\napiVersion: networking.k8s.io/v1\nitems:\n- {metadata: {name: a}}\n"
TWICE = LIST + "- {metadata: {name: a}, spec: {policyTypes: [Egress]}}\n"
BROKEN = [
    (LAUGHS, "grows beyond"),
    ("- " * 5000, "nested more than 100 levels"),
    ("[" * 100_000, "nested more than 100 levels"),
    ('{"a":' * 100_000, "nested more than 100 levels"),
    ("a: &x [*x]", "the alias *x names nothing above it"),
    ("*x", "names nothing above it"),
    ("\ud800", "not YAML"),
    ("\x00", "not YAML"),
    ("\x1b[2J", "not YAML"),
    ("a: 1\na: 2", "line 2: the key 'a' stands here twice"),
    ('{"a": 1, "a": 2}', "the key 'a' stands here twice"),
    ("010: 2", "a key is 8 and not text; put it in quotes"),
    ("? [a]\n: b", "a key is a collection and not text"),
    ("<<: {}", "merge keys"),
    ("a: !!python/object/apply:os.system [id]", "is not read here"),
    ("a: !!python/name:os.system x", "is not read here"),
    ("---\na: 1\n---\nb: 2\n", "holds 2 YAML documents"),
    ("a: b: c", "line 1: not YAML"),
    ("\t- x", "not YAML"),
    ("a: 'x", "not YAML"),
    ('{"kind":', "not YAML"),
]


@pytest.mark.parametrize("loader", [yaml.SafeLoader, manifest._LOADER], ids=["python", "best"])
@pytest.mark.parametrize(("text", "sentence"), BROKEN, ids=[sentence for _, sentence in BROKEN])
def test_broken_text_is_one_sentence_with_and_without_libyaml(text, sentence, loader, monkeypatch):
    monkeypatch.setattr(manifest, "_LOADER", loader)
    with pytest.raises(UnreadableInput) as refused:
        from_yaml(text, "d.yaml")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("just text", "f: holds no Kubernetes object"),
        ("apiVersion: v1\n", "f: kind: is missing"),
        ("kind: NetworkPolicy\napiVersion: extensions/v1beta1\n", "apiVersion: 'extensions/v1beta1' is not served"),
        ("kind: List\nitems: [5]", "f, items[0]: holds no Kubernetes object"),
        ("kind: List\nitems: {}", "f: items: is not a list"),
        ("---\nkind: Service\n---\nkind: NetworkPolicy\n", "f, document 2: "),
        (TWICE, "f, items[1]: NetworkPolicy default/a stands here a second time and differs from that in f, items[0]"),
    ],
)  # fmt: skip
def test_a_document_that_is_no_policy_is_refused_with_its_number(text, sentence):
    with pytest.raises(UnreadableInput) as refused:
        policies_from_yaml(text, "f")
    assert sentence in str(refused.value)


def _sentence(read, text):
    try:
        read(text, "f")
    except UnreadableInput as refused:
        return str(refused)
    return "fine"


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab:-[]{},&*!|>'\"%@?#\n \t~0.<\x00\u2028"), max_size=40))
def test_no_text_makes_anything_but_a_sentence(text):
    for read in (from_yaml, policies_from_yaml):
        assert _sentence(read, text).startswith("f")


_ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
_ODDER = st.recursive(
    _ODD, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)
_FIELDS = ["podSelector", "matchLabels", "matchExpressions", "ingress", "egress", "policyTypes", "from", "to", "ports"]
_FIELDS += [
    "port",
    "endPort",
    "protocol",
    "ipBlock",
    "cidr",
    "except",
    "namespaceSelector",
    "key",
    "operator",
    "values",
]
_SPECS = st.recursive(
    _ODDER, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=3)
)


@settings(max_examples=300, deadline=None)
@given(_SPECS, _ODDER)
def test_no_object_makes_anything_but_a_sentence(spec, metadata):
    item = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
    assert _sentence(policies_from_yaml, to_yaml(item)).isprintable()
