"""C20: the smallest set of prefixes that holds what was seen; its optimum is proved in test_prefix_trie."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.addresses import address_class
from collectors.errors import PodfenceError, UnreadableInput
from recommender.policy import IPBlock
from recommender.prefixes import PRIVATE, aggregate, block_of, blocks_of
from tests.recommender.ip_blocks import assert_sound, entries, pieces, unseen


def _networks(version):
    width = 32 if version == 4 else 128
    near = st.integers(0, 2**12 - 1).map(lambda low: low + (0x34 << width - 8))
    number = near | st.integers(0, 2**width - 1)
    kind = ipaddress.IPv4Network if version == 4 else ipaddress.IPv6Network
    return st.tuples(number, st.integers(0, width)).map(
        lambda pair: str(kind((pair[0] & -(1 << width - pair[1]), pair[1])))
    )


NEVER = st.lists(_networks(4) | _networks(6), max_size=6)
ADDRESSES = st.lists((_networks(4) | _networks(6)).map(lambda text: text.split("/")[0]), max_size=25).map(
    lambda texts: [text for text in texts if "." in text or not ipaddress.ip_address(text).ipv4_mapped]
)
BUDGETS = st.tuples(st.sampled_from(["most_entries", "most_unseen"]), st.integers(0, 30) | st.integers(0, 2**129))


@settings(max_examples=100)  # cheap, and the rare shapes matter
@given(ADDRESSES, NEVER, BUDGETS)
def test_c20_all_that_was_seen_is_held_and_nothing_that_is_refused(addresses, never, budget):
    blocks = aggregate(addresses, never=never, **dict([budget]))
    if blocks is None:
        assert budget[0] == "most_entries"
        assert budget[1] < len(set(addresses))
        return
    assert_sound(blocks, addresses, never)
    found = {"most_entries": entries(blocks), "most_unseen": unseen(blocks, addresses)}
    assert found[budget[0]] <= budget[1]


@settings(max_examples=100)  # cheap, and the rare shapes matter
@given(ADDRESSES, NEVER, BUDGETS, st.integers(1, 2**100))
def test_c20_a_bigger_budget_is_never_worse(addresses, never, budget, more):
    name, most = budget
    small, big = (aggregate(addresses, never=never, **{name: value}) for value in (most, most + more))
    if small is None:
        return
    assert big is not None
    if name == "most_entries":
        assert unseen(big, addresses) <= unseen(small, addresses)
    else:
        assert entries(big) <= entries(small)


@settings(max_examples=100)  # cheap, and the rare shapes matter
@given(ADDRESSES, NEVER, st.integers(0, 12))
def test_c20_the_two_budgets_agree(addresses, never, most):
    blocks = aggregate(addresses, never=never, most_entries=most)
    if blocks is None:
        fewest = aggregate(addresses, never=never, most_unseen=2**130)
        assert entries(fewest) > most
        return
    opened = unseen(blocks, addresses)
    back = aggregate(addresses, never=never, most_unseen=opened)
    assert (entries(back), unseen(back, addresses)) == (entries(blocks), opened)


@given(ADDRESSES, NEVER, BUDGETS, st.randoms(use_true_random=False))
def test_c20_the_order_of_the_input_and_duplicates_do_not_matter(addresses, never, budget, random):
    mixed, refused = [*addresses, *addresses[:5]], [*never, *never[:2]]
    random.shuffle(mixed)
    random.shuffle(refused)
    budgets = dict([budget])
    assert aggregate(mixed, never=refused, **budgets) == aggregate(addresses, never=never, **budgets)


def test_c20_neighbours_become_one_prefix_that_opens_nothing():
    assert aggregate(["10.0.0.1", "10.0.0.0"], most_unseen=0) == (IPBlock("10.0.0.0/31"),)
    assert aggregate(["2001:db8::1", "2001:db8::"], most_unseen=0) == (IPBlock("2001:db8::/127"),)
    assert aggregate(["10.0.0.1", "10.0.0.2"], most_unseen=0) == (IPBlock("10.0.0.1/32"), IPBlock("10.0.0.2/32"))


def test_c20_an_except_is_used_where_it_helps():
    seen = [f"203.0.113.{last}" for last in range(16) if last not in {4, 5}]
    assert aggregate(seen, most_unseen=0) == (IPBlock("203.0.113.0/28", ("203.0.113.4/31",)),)
    assert aggregate(seen, most_entries=1) == (IPBlock("203.0.113.0/28"),)


def test_c20_a_block_within_an_except_of_another_is_a_block_of_its_own():
    seen = [f"203.0.113.{last}" for last in range(64) if last not in range(24, 32) or last == 27]
    blocks = (IPBlock("203.0.113.0/26", ("203.0.113.24/29",)), IPBlock("203.0.113.27/32"))
    assert aggregate(seen, most_unseen=0) == blocks
    assert block_of(blocks, "203.0.113.27") == blocks[1]
    assert block_of(blocks, "203.0.113.32") == blocks[0]


def test_c20_an_except_behind_such_a_block_is_still_one_of_the_outer_block():
    seen = [last for last in range(128) if last not in range(24, 32) and last not in range(80, 84)]
    blocks = aggregate([f"203.0.113.{last}" for last in [*seen, 27]], most_unseen=0)
    outer = IPBlock("203.0.113.0/25", ("203.0.113.24/29", "203.0.113.80/30"))
    assert blocks == (outer, IPBlock("203.0.113.27/32"))


def test_c20_only_the_dearest_half_beside_a_lone_address_is_spared():
    seen = [f"203.0.113.{last}" for last in range(13)]
    assert aggregate(seen, most_entries=2) == (IPBlock("203.0.113.0/28", ("203.0.113.14/31",)),)


def test_c20_a_range_refused_twice_is_refused_as_a_whole():
    twice = ["203.0.113.8/32", "203.0.113.8/29"]
    for never in (twice, twice[::-1]):
        assert aggregate(["203.0.113.12", "203.0.113.15"], most_entries=1, never=never) is None


def test_c20_of_equal_ways_the_one_without_except_is_taken():
    seen = ["203.0.113.0", "203.0.113.1", "203.0.113.2"]
    assert aggregate(seen, most_unseen=0) == (IPBlock("203.0.113.0/31"), IPBlock("203.0.113.2/32"))


def test_c20_private_ranges_are_never_swallowed_but_what_was_seen_there_is_held():
    seen = ["9.255.255.254", "9.255.255.255", "10.0.0.7", "11.0.0.0", "11.0.0.1"]
    assert aggregate(seen, most_entries=1) == (IPBlock("8.0.0.0/6"),)
    assert aggregate(seen, most_entries=1, never=PRIVATE) is None
    blocks = aggregate(seen, most_entries=3, never=PRIVATE)
    assert blocks == (IPBlock("9.255.255.254/31"), IPBlock("10.0.0.7/32"), IPBlock("11.0.0.0/31"))


def test_c20_a_declined_address_is_cut_out():
    seen = [f"203.0.113.{last}" for last in range(64) if last % 2]
    blocks = aggregate(seen, most_entries=2, never=["203.0.113.20"])
    assert blocks == (IPBlock("203.0.113.0/26", ("203.0.113.20/32",)),)


def test_c20_both_ip_versions_share_one_budget():
    four, six = ["203.0.113.0", "203.0.113.3"], ["2001:db8::", "2001:db8::f"]
    assert aggregate([*six, *four], most_entries=3) == (
        IPBlock("203.0.113.0/30"), IPBlock("2001:db8::/128"), IPBlock("2001:db8::f/128"),
    )  # fmt: skip
    assert aggregate([*six, *four], most_unseen=15) == (
        IPBlock("203.0.113.0/30"), IPBlock("2001:db8::/128"), IPBlock("2001:db8::f/128"),
    )  # fmt: skip
    both = (IPBlock("203.0.113.0/30"), IPBlock("2001:db8::/124"))
    assert aggregate([*six, *four], most_unseen=16) == both == aggregate([*six, *four], most_entries=2)
    assert aggregate([*six, *four], most_entries=1) is None


def test_c20_sizes_of_ipv6_are_exact():
    seen, gap = ["2001:db8::", "2001:db8:1000::"], 2**93 - 2
    assert aggregate(seen, most_unseen=gap) == (IPBlock("2001:db8::/35"),)
    assert len(aggregate(seen, most_unseen=gap - 1)) == 2
    everything = ["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
    assert aggregate(everything, most_entries=1) == (IPBlock("::/0"),)
    assert aggregate(everything, most_unseen=2**128 - 2) == (IPBlock("::/0"),)
    assert len(aggregate(everything, most_unseen=2**128 - 3)) == 2


def test_c20_the_whole_of_ipv4_is_a_range_like_any_other():
    assert aggregate(["0.0.0.0", "255.255.255.255"], most_entries=1) == (IPBlock("0.0.0.0/0"),)
    assert aggregate(["0.0.0.0", "255.255.255.255"], most_entries=9, never=["0.0.0.0/0"]) == (
        IPBlock("0.0.0.0/32"), IPBlock("255.255.255.255/32"),
    )  # fmt: skip
    assert aggregate(["0.0.0.0", "255.255.255.255"], most_entries=1, never=["0.0.0.0/0"]) is None


@pytest.mark.parametrize("budget", [{"most_entries": 0}, {"most_entries": 5}, {"most_unseen": 0}, {"most_unseen": 9}])
def test_nothing_seen_needs_no_block(budget):
    assert aggregate([], never=PRIVATE, **budget) == ()


def test_one_address_is_itself_and_no_entries_hold_none():
    for budget in ({"most_entries": 1}, {"most_entries": 99}, {"most_unseen": 0}, {"most_unseen": 2**130}):
        assert aggregate(["203.0.113.9", "203.0.113.9"], **budget) == (IPBlock("203.0.113.9/32"),)
        assert aggregate(["2001:DB8::9"], **budget) == (IPBlock("2001:db8::9/128"),)
        assert aggregate(["::ffff:203.0.113.9", "203.0.113.9"], **budget) == (IPBlock("203.0.113.9/32"),)
    assert aggregate(["203.0.113.9"], most_entries=0) is None


def test_ranges_with_host_bits_and_bare_addresses_are_understood_in_never():
    seen = ["203.0.113.0", "203.0.113.3"]
    for never in ("203.0.113.2", "203.0.113.2/31", "203.0.113.3/31", "203.0.113.99/24"):
        assert aggregate(seen, most_entries=1, never=[never]) is None


def test_what_is_no_address_or_range_is_told_in_one_sentence():
    with pytest.raises(UnreadableInput, match=r"^address ranges: '10.0.0.0/8' is no IP address; give one like"):
        aggregate(["10.0.0.0/8"], most_unseen=0)
    with pytest.raises(UnreadableInput, match=r"^address ranges: 'every\x20where' is no address range; give one like"):
        aggregate(["10.0.0.1"], most_unseen=0, never=["every\nwhere"])
    with pytest.raises(UnreadableInput) as told:
        aggregate(["9" * 5000], most_unseen=0)
    assert len(str(told.value)) < 200


def test_a_budget_below_zero_is_refused_and_there_is_exactly_one():
    for budget in ({"most_entries": -1}, {"most_unseen": -1}):
        with pytest.raises(PodfenceError, match="the budget -1 is below zero; give 0 or more"):
            aggregate(["10.0.0.1"], **budget)
    for budget in ({}, {"most_entries": 1, "most_unseen": 1}):
        with pytest.raises(ValueError, match="give either"):
            aggregate(["10.0.0.1"], **budget)


def test_the_narrowest_block_that_holds_an_address_is_its_own():
    wide, narrow = IPBlock("203.0.113.0/24", ("203.0.113.128/25",)), IPBlock("203.0.113.4/30")
    inner, six = IPBlock("203.0.113.130/32"), IPBlock("2001:db8::/32")
    blocks = (wide, narrow, inner, six)
    owners = {"203.0.113.1": wide, "203.0.113.5": narrow, "203.0.113.130": inner, "2001:db8::1": six}
    asked = [*owners, "203.0.113.131", "198.51.100.1", "2001:db9::"]
    assert blocks_of(blocks, asked) == owners
    assert {text: block_of(blocks, text) for text in owners} == owners
    with pytest.raises(ValueError, match=r"none of the blocks holds 203\.0\.113\.131"):
        block_of(blocks, "203.0.113.131")


@given(ADDRESSES, NEVER, st.integers(0, 2**40))
def test_every_address_finds_the_block_that_ipaddress_finds(addresses, never, most):
    blocks = aggregate(addresses, never=never, most_unseen=most)
    found = blocks_of(blocks, addresses)
    for text in addresses:
        ip = ipaddress.ip_address(text)
        holding = [b for b in blocks if any(ip in net for net in pieces([b]))]
        assert found[text] == holding[-1]


DOCUMENTATION = [
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")
]
BOUNDARIES = [
    str(ip)
    for text in (
        *PRIVATE, "64:ff9b::/96", "2000::/3", "4000::/2",
        "192.88.99.0/24", "8.0.0.0/7", "192.0.0.0/29", "192.0.0.170/31", "240.0.0.0/4", "224.0.0.0/4",
    )
    for net in [ipaddress.ip_network(text)]
    for number in (int(net[0]) - 1, int(net[0]), int(net[-1]), int(net[-1]) + 1)
    if 0 <= number < 1 << net.max_prefixlen
    for ip in [(ipaddress.IPv4Address if net.version == 4 else ipaddress.IPv6Address)(number)]
]  # fmt: skip


def _is_private(text):
    ip = ipaddress.ip_address(text)
    return any(ip in ipaddress.ip_network(net) for net in PRIVATE)


@pytest.mark.parametrize("text", sorted(set(BOUNDARIES)))
def test_what_podfence_or_python_calls_not_public_is_private(text):
    if _is_private(text):
        return
    assert address_class(text) == "public"
    ip = ipaddress.ip_address(text)
    assert ip.is_global or any(ip in net for net in DOCUMENTATION)


@pytest.mark.parametrize(
    "text",
    [
        "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.31.0.1", "192.0.0.8", "192.168.1.1",
        "198.19.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::8.8.8.8", "::ffff:8.8.8.8",
        "64:ff9b:1::1", "100::1", "2001::1", "2002:808:808::1", "5f00::1", "fd00::1", "fe80::1", "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_never_widened_over(text):
    assert _is_private(text)


@pytest.mark.parametrize(
    "text",
    ["8.8.8.8", "203.0.113.1", "9.255.255.255", "11.0.0.0", "223.255.255.255", "2606:4700::1", "64:ff9b::808:808"],
)
def test_public_addresses_may_be_widened_over(text):
    assert not _is_private(text)
