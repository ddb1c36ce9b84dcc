"""What existing policies become redundant (semantics C26), by example and against brute force."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from recommender.redundancy import Redundancy, Redundant, redundancy
from recommender.simulate import SimulationOptions, simulate
from tests.recommender.simulated import app, block, cluster, pod, policy, seen, tcp
from tests.recommender.unions import ENDS, POLICIES, SETTINGS, SHOP, SMALL


def test_c26_an_identical_policy_is_redundant_for_sure_and_only_one_of_two_goes():
    twins = [policy("a", select={"app": "db"}, ingress=[{"from": [app("web")], "ports": tcp(80)}])]
    twins.append(replace(twins[0], name="b"))
    assert redundancy(twins, [], SHOP) == Redundancy((Redundant("shop/a", whole=True, always=True, by=("shop/b",)),))


def test_c26_the_same_value_given_twice_supports_itself_once():
    once = policy("a", select={"app": "db"})
    found = redundancy([once, once], [], SHOP).redundant
    assert found == (Redundant("shop/a", whole=True, always=True, by=("shop/a",)),)
    assert len(redundancy([once], [once], SHOP).redundant) == 1


def test_c26_a_narrower_policy_is_redundant_for_sure_beside_a_wider_one():
    narrow = policy(
        "n", select={"app": "db", "tier": "back"}, ingress=[{"from": [block("10.1.2.0/24")], "ports": tcp(80)}]
    )
    wide = policy(
        "w", select={"app": "db"}, ingress=[{"from": [block("10.1.0.0/16")], "ports": [{"port": 70, "endPort": 90}]}]
    )
    assert redundancy([narrow], [wide], SHOP).redundant == (
        Redundant("shop/n", whole=True, always=True, by=("shop/w",)),
    )
    assert redundancy([wide], [narrow], SHOP).redundant == ()


def test_c26_the_same_pods_by_other_labels_are_redundant_only_for_the_pods_known_now():
    by_tier = policy(
        "t", select={"app": "db"}, ingress=[{"from": [{"podSelector": {"matchLabels": {"tier": "front"}}}]}]
    )
    by_app = policy("a", select={"app": "db"}, ingress=[{"from": [app("web")]}])
    assert redundancy([by_tier], [by_app], SHOP).redundant == (
        Redundant("shop/t", whole=True, always=False, by=("shop/a",)),
    )


def test_c26_own_namespace_written_two_ways_is_the_same():
    away = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}, **app("web")}
    named, short = (policy("p", select={"app": "db"}, ingress=[{"from": [peer]}]) for peer in (away, app("web")))
    assert redundancy([named], [replace(short, name="q")], SHOP).redundant[0].always
    assert redundancy([short], [replace(named, name="q")], SHOP).redundant[0].always


def test_c26_the_only_policy_that_isolates_is_never_redundant():
    assert redundancy([policy("deny")], [policy("e", types=["Egress"], egress=[{}])], SHOP).redundant == ()


def test_c26_one_rule_of_a_policy_is_redundant_and_its_policy_stays():
    mixed = policy(
        "m", select={"app": "db"}, ingress=[{"from": [app("web")], "ports": tcp(80)}, {"from": [app("api")]}]
    )
    export = policy("x", select={"app": "db"}, ingress=[{"from": [app("web")], "ports": tcp(80, 81)}])
    assert redundancy([mixed], [export], SHOP).redundant == (
        Redundant("shop/m ingress[0]", whole=False, always=True, by=("shop/x",)),
    )  # fmt: skip


def test_c26_policies_that_select_nobody_and_rules_that_take_nobody_are_idle():
    nobody = policy("n", select={"app": "gone"}, ingress=[{}])
    half = policy("h", select={"app": "db"}, ingress=[{"from": [app("gone")]}, {"from": [app("web")]}])
    assert redundancy([nobody, half], [], SHOP) == Redundancy(idle=("shop/h ingress[0]", "shop/n"))


def test_c26_a_block_that_holds_a_pod_does_not_stand_in_for_its_selector():
    by_label = policy("l", select={"app": "db"}, ingress=[{"from": [app("web")]}])
    by_address = policy("a", select={"app": "db"}, ingress=[{"from": [block("10.0.0.0/24")]}])
    assert redundancy([by_label], [by_address], SHOP).redundant == ()


def test_c26_port_names_are_the_numbers_of_the_pods_that_they_lead_to():
    rule = {"to": [{"podSelector": {"matchLabels": {"tier": "back"}}}], "ports": tcp("http")}
    named = policy("n", select={"app": "web"}, types=["Egress"], egress=[rule])
    exact = [{"to": [app("api")], "ports": tcp(80)}, {"to": [app("db")], "ports": tcp(5432)}]
    numbered = policy("x", select={"app": "web"}, types=["Egress"], egress=exact)
    assert redundancy([named], [numbered], SHOP).redundant == (
        Redundant("shop/n", whole=True, always=False, by=("shop/x",)),
    )
    less = replace(numbered, egress=numbered.egress[:1])
    assert redundancy([named], [less], SHOP).redundant == ()


def test_c26_addresses_are_covered_by_several_blocks_and_ports_by_several_rules():
    rules = [
        {"from": [block("198.51.100.0/25")], "ports": [{"port": 1, "endPort": 50}]},
        {"from": [block("198.51.100.128/25")], "ports": [{"port": 1, "endPort": 80}]},
        {"from": [block("198.51.100.0/24", "198.51.100.128/25")], "ports": [{"port": 51, "endPort": 99}]},
    ]
    parts = policy("x", select={"app": "db"}, ingress=rules)
    one = policy(
        "o", select={"app": "db"}, ingress=[{"from": [block("198.51.100.0/24")], "ports": [{"port": 9, "endPort": 80}]}]
    )
    more = policy(
        "o", select={"app": "db"}, ingress=[{"from": [block("198.51.100.0/24")], "ports": [{"port": 9, "endPort": 81}]}]
    )
    assert redundancy([one], [parts], SHOP).redundant == (
        Redundant("shop/o", whole=True, always=False, by=("shop/x",)),
    )
    assert redundancy([more], [parts], SHOP).redundant == ()


def test_c26_what_covers_is_what_stays_and_always_does_not_rest_on_what_goes():
    narrow = policy("a", select={"app": "db", "tier": "back"}, ingress=[{"from": [app("web")]}])
    middle = policy("b", select={"app": "db"}, ingress=[{"from": [app("web")]}])
    front = {"podSelector": {"matchLabels": {"tier": "front"}}}
    export = policy("x", select={"app": "db"}, ingress=[{"from": [front]}])
    assert redundancy([narrow, middle], [export], SHOP).redundant == (
        Redundant("shop/a", whole=True, always=False, by=("shop/x",)),
        Redundant("shop/b", whole=True, always=False, by=("shop/x",)),
    )


def test_c26_all_that_are_needed_to_cover_are_named_and_no_more():
    both = policy("p", select={"app": "db"}, ingress=[{"from": [app("web"), app("api")]}])
    parts = [
        policy(name, select={"app": "db"}, ingress=[{"from": [app(peer)]}])
        for name, peer in (("w", "web"), ("y", "api"), ("z", "api"))
    ]
    assert redundancy([both], parts, SHOP).redundant == (
        Redundant("shop/p", whole=True, always=True, by=("shop/w", "shop/y")),
    )  # fmt: skip


def test_c26_whoever_only_isolates_is_named_where_the_rules_of_others_need_not_be():
    twice = [policy("deny"), policy("deny-db", select={"app": "db"})]
    assert redundancy(twice[1:], twice[:1], SHOP).redundant == (
        Redundant("shop/deny-db", whole=True, always=True, by=("shop/deny",)),
    )  # fmt: skip


# brute force: every connection among four pods and eight addresses at four ports
ADDRESSES = [f"198.51.100.{last}" for last in range(8)]
POINTS = [("TCP", 1), ("TCP", 2), ("TCP", 3), ("UDP", 1)]
EVERY = [
    seen(src, dst, port, protocol)
    for protocol, port in POINTS
    for src in (*ENDS, *ADDRESSES)
    for dst in (*ENDS, *ADDRESSES)
    if not (isinstance(src, str) and isinstance(dst, str))
]


def _ends(policies, options):
    """Return what each end of every connection says, by itself."""
    outcomes = simulate(policies, EVERY, SMALL, options)
    return [(o.egress.verdict, o.egress.isolated, o.ingress.verdict, o.ingress.isolated) for o in outcomes]


def _without(policies, found):
    left = []
    for one in policies:
        name = f"{one.namespace}/{one.name}"
        if any(item.name == name for item in found):
            continue
        sides = {
            side: tuple(
                rule
                for index, rule in enumerate(getattr(one, side))
                if not any(item.name == f"{name} {side}[{index}]" for item in found)
            )
            for side in ("ingress", "egress")
        }
        left.append(replace(one, **sides))
    return left


@SETTINGS
@given(POLICIES, st.integers(0, 2), st.booleans())
def test_c26_removing_all_that_is_redundant_changes_no_verdict_and_isolates_as_before(policies, exported, matches):
    export, others = policies[:exported], policies[exported:]
    found = redundancy(others, export, SMALL).redundant
    options = SimulationOptions(ip_block_matches_pods=matches)
    assert _ends([*_without(others, found), *export], options) == _ends(policies, options)


def _alone(one, name):
    """Return a policy with only the rule of that name; with all of them where it is the policy's own name."""
    return _without(
        [one],
        [
            Redundant(f"{one.namespace}/{one.name} {side}[{index}]", False, False)
            for side in ("ingress", "egress")
            for index in range(len(getattr(one, side)))
            if name not in {f"{one.namespace}/{one.name}", f"{one.namespace}/{one.name} {side}[{index}]"}
        ],
    )[0]


@SETTINGS
@given(POLICIES, st.integers(0, 2), st.booleans())
def test_c26_the_policies_that_are_named_suffice_for_what_they_make_redundant(policies, exported, matches):
    export, others = policies[:exported], policies[exported:]
    found = redundancy(others, export, SMALL).redundant
    staying = [*export, *_without(others, found)]
    options = SimulationOptions(ip_block_matches_pods=matches)
    for item in found:
        assert set(item.by) <= {f"{one.namespace}/{one.name}" for one in staying}
        (whole,) = (one for one in others if item.name.partition(" ")[0] == f"{one.namespace}/{one.name}")
        base = [one for one in staying if f"{one.namespace}/{one.name}" in item.by]
        base += [] if item.whole else [_alone(whole, "")]
        assert _ends([*base, replace(_alone(whole, item.name), name="again")], options) == _ends(base, options)


@SETTINGS
@given(POLICIES, st.integers(0, 2))
def test_c26_whatever_is_not_called_redundant_or_idle_changes_something(policies, exported):
    export, others = policies[:exported], policies[exported:]
    result = redundancy(others, export, SMALL)
    left = _without(others, result.redundant)
    options = SimulationOptions(ip_block_matches_pods=False)
    before = _ends([*left, *export], options)
    for one in left:
        name = f"{one.namespace}/{one.name}"
        if name not in result.idle:
            assert _ends([*(p for p in left if p is not one), *export], options) != before


ANEW = cluster(
    *(
        pod(f"{name}-{number}", f"10.9.{number}.{at}", namespace=namespace, app=name, x=x)
        for at, (name, namespace, x) in enumerate(
            (name, namespace, x) for name in "abcd" for namespace in ("shop", "watch", "new") for x in "12"
        )
        for number in (0,)
    )
)


@SETTINGS
@given(POLICIES)
def test_c26_what_is_always_redundant_stays_so_for_pods_to_come(policies):
    found = {item for item in redundancy(policies, [], SMALL).redundant if item.always and item.whole}
    everyone = sorted({p.workload for p in ANEW.pods})
    probes = [seen(src, dst, port, "TCP") for port in (1, 2, 3) for src in everyone for dst in everyone[::3]]
    whole, less = (
        [(o.verdict, o.egress.isolated, o.ingress.isolated) for o in simulate(listed, probes, ANEW)]
        for listed in (policies, _without(policies, found))
    )
    assert whole == less
