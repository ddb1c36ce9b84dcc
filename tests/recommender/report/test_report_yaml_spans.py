"""The quick way to marked YAML is the same as the exported text with marks."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.manifest import policy_to_yaml
from recommender.policy import EGRESS, INGRESS, IPBlock, LabelSelector, NetworkPolicy, Peer, Port, Requirement, Rule
from recommender.report.yaml_spans import highlighted, policy_yaml

from .shop import shop
from .test_report_hostile import HOSTILE

_TEXTS = st.sampled_from(
    ["app", "web", "no", "1e3", "10.0.0.0", "a b", "", "x: y", "é", "\u202e", "<b>", "k/8", "n" * 200]
)
_PAIRS = st.lists(st.tuples(_TEXTS, _TEXTS), max_size=2, unique_by=lambda pair: pair[0]).map(tuple)
_SELECTORS = st.builds(
    LabelSelector,
    _PAIRS,
    st.lists(
        st.builds(Requirement, _TEXTS, st.sampled_from(["In", "Exists"]), st.lists(_TEXTS, max_size=2).map(tuple)),
        max_size=2,
    ).map(tuple),
)
_PEERS = st.builds(Peer, st.none() | _SELECTORS, st.none() | _SELECTORS) | st.builds(
    Peer, ip_block=st.sampled_from([IPBlock("10.0.0.0/8", ("10.1.0.0/16",)), IPBlock("::/0")])
)
_PORTS = st.builds(Port, st.sampled_from(["TCP", "UDP"]), st.none() | st.integers(1, 65535) | _TEXTS)
_RULES = st.lists(
    st.builds(Rule, st.lists(_PEERS, max_size=2).map(tuple), st.lists(_PORTS, max_size=2).map(tuple)), max_size=2
).map(tuple)
_POLICIES = st.builds(
    NetworkPolicy, namespace=_TEXTS, name=_TEXTS, pod_selector=_SELECTORS,
    policy_types=st.sampled_from([(INGRESS,), (INGRESS, EGRESS), ()]), ingress=_RULES, egress=_RULES, labels=_PAIRS,
    annotations=_PAIRS,
)  # fmt: skip


def text_of(html):
    return unescape(re.sub("<[^>]*>", "", html))


@given(_POLICIES)
def test_the_quick_way_gives_what_marking_the_exported_text_gives(policy):
    assert policy_yaml(policy) == highlighted(policy_to_yaml(policy))


def test_without_its_marks_it_is_the_exported_text():
    for policy in shop().policies:
        assert text_of(policy_yaml(policy)) == policy_to_yaml(policy).rstrip("\n")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_in_a_policy_are_text(name):
    policy = NetworkPolicy(
        namespace=name, name=name, pod_selector=LabelSelector(((name, name),)), policy_types=(INGRESS,)
    )
    shown = policy_yaml(policy)
    assert shown == highlighted(policy_to_yaml(policy))
    assert not set(re.findall(r"</?(\w+)", shown)) - {"pre", "code", "i", "em"}
    assert all(letter == "\n" or letter.isprintable() for letter in text_of(shown))


def test_a_comment_is_told_from_keys_and_values():
    assert "<em># why</em>\nkind:<i> Pod</i>" in highlighted("# why\nkind: Pod\n")
