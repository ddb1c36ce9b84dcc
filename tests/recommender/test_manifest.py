"""Policies and plain data to YAML and back: identity, and text that every reader takes for text."""

import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from recommender.manifest import from_yaml, policies_from_yaml, policy_to_yaml, to_yaml
from recommender.policy import (
    EGRESS,
    INGRESS,
    IPBlock,
    LabelSelector,
    NetworkPolicy,
    Peer,
    Port,
    Requirement,
    Rule,
)

API = LabelSelector((("app", "api"),))
SHOP = LabelSelector((("kubernetes.io/metadata.name", "shop"),))


def _everything():
    return NetworkPolicy(
        namespace="shop",
        name="api",
        pod_selector=API,
        policy_types=(INGRESS, EGRESS),
        ingress=(Rule((Peer(API, SHOP), Peer(LabelSelector())), (Port("TCP", "http"), Port("UDP", 53))),),
        egress=(
            Rule((Peer(ip_block=IPBlock("10.0.0.0/8", ("10.1.0.0/16",))),), (Port("TCP", 30000, 30100),)),
            Rule((Peer(LabelSelector((), (Requirement("tier", "NotIn", ("1e3", "no")),)), LabelSelector()),), ()),
        ),
        labels=(("app.kubernetes.io/managed-by", "podfence"),),
        annotations=(("podfence.io/note", "a: b # c"),),
    )


TEXT = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: api
  namespace: shop
  labels:
    app.kubernetes.io/managed-by: podfence
  annotations:
    podfence.io/note: "a: b # c"
spec:
  podSelector:
    matchLabels:
      app: api
  policyTypes:
  - Ingress
  - Egress
  ingress:
  - from:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: shop
      podSelector:
        matchLabels:
          app: api
    - podSelector: {}
    ports:
    - protocol: TCP
      port: http
    - protocol: UDP
      port: 53
  egress:
  - to:
    - ipBlock:
        cidr: 10.0.0.0/8
        except:
        - 10.1.0.0/16
    ports:
    - protocol: TCP
      port: 30000
      endPort: 30100
  - to:
    - namespaceSelector: {}
      podSelector:
        matchExpressions:
        - key: tier
          operator: NotIn
          values:
          - "1e3"
          - "no"
"""


def test_a_policy_is_written_in_the_order_in_which_people_write_it():
    assert policy_to_yaml(_everything()) == TEXT


def test_the_same_policy_is_the_same_bytes():
    assert policy_to_yaml(_everything()) == policy_to_yaml(_everything())


def test_a_direction_isolated_with_no_rules_is_named_and_reads_back_the_same():
    closed = NetworkPolicy("shop", "default-deny", LabelSelector(), (INGRESS, EGRESS))
    text = policy_to_yaml(closed)
    assert "podSelector: {}" in text
    assert "ingress" not in text
    assert policies_from_yaml(text, "f").policies == (closed,)


def test_an_absent_and_an_empty_peer_selector_stay_different():
    own, everywhere = Peer(LabelSelector()), Peer(LabelSelector(), LabelSelector())
    policy = NetworkPolicy("shop", "p", API, (INGRESS,), (Rule((own, everywhere)), Rule()))
    assert policies_from_yaml(policy_to_yaml(policy), "f").policies == (policy,)


_NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
_LABEL_TEXTS = st.one_of(
    st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,6}[A-Za-z0-9])?", fullmatch=True),
    st.sampled_from(["", "y", "No", "on", "null", "1e3", "0x1f", "0o17", "08", "1_000", "2026-01-01", "1.0", "TRUE"]),
)
_KEYS = st.one_of(_NAMES, _NAMES.map("example.com/{}".format), st.sampled_from(["y", "1e3", "null"]))
_PAIRS = st.dictionaries(_KEYS, _LABEL_TEXTS, max_size=3).map(lambda labels: tuple(sorted(labels.items())))
_NOTES = st.dictionaries(_KEYS, st.text(st.characters(codec="utf-8"), max_size=20), max_size=2)
_REQUIREMENTS = st.one_of(
    st.builds(
        Requirement,
        _KEYS,
        st.sampled_from(["In", "NotIn"]),
        st.lists(_LABEL_TEXTS, min_size=1, max_size=3).map(lambda values: tuple(sorted(values))),
    ),
    st.builds(Requirement, _KEYS, st.sampled_from(["Exists", "DoesNotExist"])),
)
_SELECTORS = st.builds(LabelSelector, _PAIRS, st.lists(_REQUIREMENTS, max_size=2).map(tuple))
_BLOCKS = st.sampled_from(
    [IPBlock("10.0.0.0/8"), IPBlock("0.0.0.0/0", ("10.0.0.0/8", "192.168.0.0/16")), IPBlock("2001:db8::/32",
    ("2001:db8::1/128",))]
)  # fmt: skip
_PEERS = st.one_of(
    st.builds(Peer, ip_block=_BLOCKS),
    st.builds(Peer, _SELECTORS, st.none() | _SELECTORS),
    st.builds(Peer, namespace_selector=_SELECTORS),
)
_NUMBERS = st.integers(1, 65535)
_PROTOCOLS = st.sampled_from(["TCP", "UDP", "SCTP"])
_PORTS = st.one_of(
    st.builds(Port, _PROTOCOLS, st.none() | _NUMBERS | st.sampled_from(["http", "y", "e3-x"])),
    st.builds(lambda protocol, ends: Port(protocol, *sorted(ends)), _PROTOCOLS, st.tuples(_NUMBERS, _NUMBERS)),
)
_RULES = st.lists(
    st.builds(Rule, st.lists(_PEERS, max_size=2).map(tuple), st.lists(_PORTS, max_size=2).map(tuple)), max_size=2
).map(tuple)
_TYPES = st.sampled_from([(INGRESS,), (EGRESS,), (INGRESS, EGRESS)])
POLICIES = st.builds(
    NetworkPolicy, _NAMES, _NAMES, _SELECTORS, _TYPES, _RULES, _RULES, _PAIRS,
    _NOTES.map(lambda d: tuple(sorted(d.items())))
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(POLICIES)
def test_policy_to_yaml_to_policy_is_identity_and_every_reader_sees_the_same(policy):
    text = policy_to_yaml(policy)
    assert policies_from_yaml(text, "f").policies == (policy,)
    assert _by_1_1(text) == _by_1_2(text) == from_yaml(text, "f")


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
_PLAIN = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


def _without_surrogates(data):
    if isinstance(data, str):
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in data)
    if isinstance(data, list):
        return [_without_surrogates(item) for item in data]
    if isinstance(data, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in data.items()}
    return data


@settings(max_examples=200, deadline=None)
@given(_PLAIN)
def test_plain_data_survives_and_every_reader_sees_the_same(data):
    data = _without_surrogates(data)
    text = to_yaml(data)
    assert _by_1_1(text) == data
    assert _by_1_2(text) == data
    if "<<" not in str(data) and not _has_long_integer(data):
        assert from_yaml(text, "f") == data


def _has_long_integer(data):
    if isinstance(data, dict | list):
        return any(map(_has_long_integer, data.values() if isinstance(data, dict) else data))
    return isinstance(data, int) and abs(data) >= 10**20


TRAPS = [
    "y", "Y", "n", "N", "yes", "Yes", "NO", "on", "Off", "true", "TRUE", "False", "null", "Null", "~", "", " ", " a",
    "a ",
    "1", "-1", "+1", "0", "00", "08", "010", "0o17", "0x1f", "0b1", "1_000", "1e3", "1E3", "1.5", ".5", "5.", "-.5",
    "1e-3",
    ".inf", "-.INF", ".nan", "1:30", "190:20:30", "2026-01-01", "2026-01-01T00:00:00Z", "=", "<<", "-", "- a",
    "--- a", "---",
    "...", "?", "? a", ":", "a:", "a: b", ":a", "#a", "a #b", "a#b", "*a", "&a", "!a", "!!str a", "|", ">", "%a",
    "@a", "`a",
    "'a'", '"a"', "[a]", "{a}", "[", "]", "{", "}", ",", "a,b", "a, b", "\\", "\\n", "a\nb", "\n", "a\n", "\ta",
    "a\tb", "\r",
    "\x00", "\x07", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u2028", "\u2029", "\ufeff", "\u202eabc", "\u200b",
    "\U0001f600",
    "Grüße", "日本", "10.0.0.1", "10.0.0.0/8", "2001:db8::/32", "::1", "fe80::1%eth0", "a" * 5000, "x/y", "/x", "a - b",
]  # fmt: skip


def _by_1_1(text):
    return yaml.safe_load(text)


def _by_1_2(text):
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("text", TRAPS, ids=ascii)
def test_text_stays_text_for_yaml_1_1_and_1_2_and_for_us(text):
    for data in (text, {"k": text}, [text], {"k": [{"l": text}]}):
        written = to_yaml(data)
        assert _by_1_1(written) == data
        assert _by_1_2(written) == data
        assert from_yaml(written, "f") == data
        assert all(line.isprintable() for line in written.split("\n"))


@pytest.mark.parametrize("key", [trap for trap in TRAPS if trap != "<<"], ids=ascii)
def test_text_stays_text_as_a_key_too(key):
    for data in ({key: "v"}, {key: {"a": 1}}, [{key: [1]}]):
        written = to_yaml(data)
        assert _by_1_1(written) == data
        assert _by_1_2(written) == data
        assert from_yaml(written, "f") == data


def test_a_lone_surrogate_which_no_yaml_can_hold_is_replaced():
    assert from_yaml(to_yaml("a\ud800b"), "f") == "a\ufffdb"


@pytest.mark.parametrize("word", ["web", "shop-api", "app.kubernetes.io/name", "10.0.0.0/8", "12-3", "seen 4 times"])
def test_what_needs_no_quotes_mostly_has_none(word):
    assert to_yaml(word).strip('"\n') == word
    assert ('"' in to_yaml(word)) == (word == "12-3")


@pytest.mark.parametrize("value", [1e16, 1.5e-7, -0.0, 1.0, math.inf, -math.inf, 10**15, -3, True, False, None])
def test_numbers_are_numbers_to_both_versions(value):
    for read in (_by_1_1, _by_1_2):
        found = read(to_yaml({"k": value}))["k"]
        assert (found, type(found)) == (value, type(value))
    assert math.isnan(_by_1_2(to_yaml(math.nan)))


@pytest.mark.parametrize("data", [{1: 2}, object(), {"a": {2}}, b"x"])
def test_what_is_no_plain_data_is_a_type_error(data):
    with pytest.raises(TypeError):
        to_yaml(data)


# what kubectl 1.37 makes of unquoted scalars: asked by putting each into an annotation
@pytest.mark.parametrize(
    ("plain", "value"),
    [
        ("y", True), ("NO", False), ("on", True), ("tRue", "tRue"), ("~", None), ("NULL", None), ("010", 8), ("0o17",
        15),
        ("0x1f", 31), ("0b11", 3), ("1_000", 1000), ("+1", 1), ("08", 8.0), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0),
        ("0o8", "0o8"), ("0x", "0x"), ("_1", "_1"), ("1:30", "1:30"), ("2026-01-01", "2026-01-01"), ("=", "="),
        ("1e400", "1e400"),
        ("10.0.0.1", "10.0.0.1"), ("10.0.0.0/8", "10.0.0.0/8"), ("!!str 5", "5"), ('!!int "5"', 5), ('"5"', "5"),
        ("'y'", "y"),
    ],
)  # fmt: skip
def test_plain_scalars_are_read_as_kubectl_reads_them(plain, value):
    found = from_yaml(f"k: {plain}", "f")["k"]
    assert (found, type(found)) == (value, type(value))


def test_json_is_read_with_its_tabs_and_surrogate_pairs():
    assert from_yaml('{\n\t"a": "\\ud83d\\ude00"\n}', "f") == {"a": "\U0001f600"}


def test_aliases_are_read_where_they_stay_small():
    assert from_yaml("a: &x {k: 1}\nb: *x\n", "f") == {"a": {"k": 1}, "b": {"k": 1}}


def test_an_empty_text_is_nothing():
    assert from_yaml("# only a comment\n", "f") is None
    assert policies_from_yaml("---\n---\n", "f").policies == ()


def test_a_heap_of_documents_and_lists_gives_its_policies_and_counts_the_rest():
    text = f"""
{TEXT}
---
apiVersion: v1
kind: List
items:
- {{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: b}}, spec: {{egress: [{{}}]}}}}
- {{apiVersion: v1, kind: Service, metadata: {{name: s}}}}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
---
kind: NetworkPolicyList
apiVersion: networking.k8s.io/v1
items: [{{metadata: {{name: c, namespace: x}}, spec: {{podSelector: null, ingress: [null], policyTypes: []}}}}]
"""
    found = policies_from_yaml(text, "f")
    assert found.policies == (
        _everything(),
        NetworkPolicy("default", "b", LabelSelector(), (INGRESS, EGRESS), (), (Rule(),)),
        NetworkPolicy("x", "c", LabelSelector(), (INGRESS,), (Rule(),)),
    )
    assert found.skipped == {"Service": 1, "projectcalico.org/v3 NetworkPolicy": 1}
