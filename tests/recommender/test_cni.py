from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from recommender.cni import KINDS, cni_data, cni_rows, cni_warnings
from recommender.cni_profiles import PROFILES
from recommender.generate import generate
from recommender.policy import LabelSelector, NetworkPolicy, Peer, Port, Rule
from recommender.review import Reviewed
from recommender.suggest import Suggestions
from tests.recommender.cni_cases import (
    ALL,
    API_SERVER,
    CACHE,
    CLIENT,
    NODE,
    decided,
    egress,
    exported,
    ports,
    seen,
    via,
    warned,
)  # fmt: skip
from tests.recommender.simulated import block


def test_a_thousand_rules_of_one_fault_are_one_warning_with_three_examples():
    rules = [{"to": [block(f"192.0.{at // 256}.{at % 256}/32")], **ports("http")} for at in range(1000)]
    (found,) = warned("aws-vpc-cni", egress(*rules))
    assert found.count == 1000
    assert "1,000 ports by name beside ipBlocks" in found.sentence
    assert found.sentence.count("TCP/http of") == 3
    assert "and 997 more" in found.sentence


def test_hostile_names_are_escaped_and_bounded():
    rule = Rule((Peer(pod_selector=LabelSelector((("app", "x" * 9000),))),), (Port("TCP", "\x1b[31m"),))
    evil = NetworkPolicy("s\u202e", "p\x1b[2J" + "n" * 300, LabelSelector(), ("Egress",), egress=(rule,))
    (found,) = cni_warnings([evil], Reviewed(Suggestions()), PROFILES["ovn-kubernetes"])
    assert all(letter.isprintable() for letter in found.policy + found.sentence)
    assert "<U+001B>" in found.sentence
    assert "<U+202E>" in found.policy
    assert len(found.policy) < 130
    assert len(found.sentence) < 1000


def test_without_policies_there_are_no_warnings_and_no_rows():
    assert cni_warnings([], Reviewed(Suggestions()), PROFILES["cilium"]) == ()
    assert list(cni_rows([])) == []
    assert cni_data([]) == []


def test_rows_count_and_show_the_first_of_each_kind():
    found = exported("cilium", seen("web", NODE, 9100), seen("api", NODE, 9100), seen("web", API_SERVER, 6443))
    rows = list(cni_rows(found))
    assert rows[0] == ("cni", "3 warnings in 2 policies")
    assert [text.split(":")[0] for _, text in rows[1:]] == ["node_address", "api_server_address"]
    assert rows[1][1].endswith("(and 1 more, in the report)")


def test_data_says_everything_of_a_warning():
    (found,) = exported("cilium", seen("web", NODE, 9100))
    (entry,) = cni_data([found])
    assert entry == {
        "policy": "shop/web-podfence", "kind": "node_address", "count": 1, "sentence": found.sentence,
        "source": PROFILES["cilium"].node_blocks.source, "docs": "docs/cni.md#node_address",
    }  # fmt: skip


_SPOKEN = st.lists(
    st.sampled_from(
        [
            seen("web", NODE, 9100), seen("web", API_SERVER, 6443), seen(NODE, "web", 80), seen("web", CACHE, 53),
            via(seen("web", "api", 8080), "shop/api:80"), seen("api", "web", 3868, "SCTP"),
            via(seen(CLIENT, "web", 443), "shop/web:443"), seen("web", "203.0.113.9", 443),
        ]
    ),
    unique_by=str,
)  # fmt: skip


@given(_SPOKEN, st.sampled_from(ALL), st.randoms(use_true_random=False))
def test_warnings_do_not_depend_on_the_order_and_are_sorted(spoken, cni, random):
    reviewed = decided(*spoken)
    policies = list(generate(reviewed))
    found = cni_warnings(policies, reviewed, PROFILES[cni])
    random.shuffle(policies)
    shuffled = replace(reviewed.suggestions, items=tuple(random.sample(reviewed.suggestions.items, len(spoken))))
    assert cni_warnings(policies, replace(reviewed, suggestions=shuffled), PROFILES[cni]) == found
    assert list(found) == sorted(found, key=lambda warning: (warning.policy, KINDS.index(warning.kind)))


@given(_SPOKEN, st.sampled_from(ALL))
def test_warnings_name_an_exported_policy_and_a_source_of_the_profile(spoken, cni):
    reviewed = decided(*spoken)
    policies = generate(reviewed)
    for warning in cni_warnings(policies, reviewed, PROFILES[cni]):
        assert warning.policy in {f"{policy.namespace}/{policy.name}" for policy in policies}
        assert warning.source in {trait.source for _, trait in PROFILES[cni].traits}
