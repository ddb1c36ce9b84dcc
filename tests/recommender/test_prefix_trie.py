"""C20: the optimum, held against every way to write ipBlocks in a small space."""

import ipaddress
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.prefix_trie import MOST_IN_WORDS, Family, Limits, grow
from recommender.prefixes import aggregate
from tests.recommender.ip_blocks import assert_sound, entries, unseen

EVERYWHERE = {4: ipaddress.ip_network("0.0.0.0/0"), 6: ipaddress.ip_network("::/0")}
BASES = {4: "203.0.113.64", 6: "2001:db8::40"}
# Bits of a small space, and the most entries with which every way to write blocks is tried out in it.
SPACES = {3: 4, 4: 5, 6: 3}


@cache
def _unions(bits, most):
    """For 0 to `most` entries, every set of addresses (as bits of a number) that so many can say, and no fewer can.

    It writes them as the API has it: blocks less their excepts, and unions of such blocks.
    """
    size = 1 << bits
    prefixes = [
        (((1 << part) - 1) << start) for part in (1 << b for b in range(bits + 1)) for start in range(0, size, part)
    ]
    singles = [np.array([], dtype=np.uint64)]
    for count in range(1, most + 1):
        masks = set()
        for prefix in prefixes:
            inner = [other for other in prefixes if other != prefix and other & prefix == other]
            for excepts in combinations(inner, count - 1):
                mask = prefix
                for other in excepts:
                    mask &= ~other
                masks.add(mask)
        singles.append(np.array(sorted(masks), dtype=np.uint64))
    levels = [np.array([0], dtype=np.uint64)]
    for count in range(1, most + 1):
        made = [np.unique(singles[n][:, None] | levels[count - n]) for n in range(1, count + 1)]
        fewer = np.concatenate(levels)
        levels.append(np.setdiff1d(np.concatenate(made), fewer))
    return levels


def _curve(bits, seen, never):
    """The least never-seen addresses with exactly 0, 1, ... entries, by trying out; None where it cannot be done."""
    seen_mask = np.uint64(sum(1 << at for at in set(seen)))
    never_mask = np.uint64(sum(1 << at for at in set(never) - set(seen)))
    found = []
    for masks in _unions(bits, SPACES[bits]):
        fits = masks[((masks & seen_mask) == seen_mask) & ((masks & never_mask) == 0)]
        found.append(int(np.bitwise_count(fits & ~seen_mask).min()) if len(fits) else None)
    return found


def _ways(curves, most_entries, most_unseen=2**130):
    """The ways (entries, never-seen) to divide them among spaces that keep to both budgets."""
    ways = {(0, 0)}
    for curve in curves:
        ways = {(n + m, u + v) for n, u in ways for m, v in enumerate(curve) if v is not None}
    return [(n, u) for n, u in ways if n <= most_entries and u <= most_unseen]


def _space(version, bits):
    base = ipaddress.ip_network(f"{BASES[version]}/{(32 if version == 4 else 128) - bits}")
    return base, [str(net) for net in EVERYWHERE[version].address_exclude(base)]


@st.composite
def _places(draw, bits):
    """Places in a small space, of which some are runs such as a prefix is, so that excepts pay."""
    runs = st.tuples(st.integers(0, (1 << bits) - 1), st.integers(0, bits - 1))
    parts = draw(st.lists(runs, min_size=1, max_size=6))
    return {at for start, part in parts for at in range(start >> part << part, (start >> part << part) + (1 << part))}


@st.composite
def _problems(draw):
    """Observed and refused places in one or two small spaces, a budget, and up to where all ways are tried out."""
    parts = []
    for version in draw(st.sampled_from([(4,), (6,), (4, 6)])):
        bits = draw(st.sampled_from(sorted(SPACES)))
        seen = draw(_places(bits))
        parts.append((version, bits, seen, draw(st.just(set()) | _places(bits).map(lambda at: set(sorted(at)[:4])))))
    tried = min(SPACES[bits] for _, bits, _, _ in parts)
    entries = st.tuples(st.just("most_entries"), st.integers(0, tried))
    return parts, draw(entries | st.tuples(st.just("most_unseen"), st.integers(0, 20))), tried


@settings(max_examples=400)  # cheap, and the rare shapes matter
@given(_problems())
def test_c20_no_way_to_write_ip_blocks_is_better(problem):
    parts, (name, most), tried = problem
    addresses, never, curves = [], [], []
    for version, bits, seen, refused in parts:
        base, outside = _space(version, bits)
        addresses += [str(base[at]) for at in seen]
        never += [*outside, *(str(base[at]) for at in refused)]
        curves.append(_curve(bits, seen, refused))
    blocks = aggregate(addresses, never=never, **{name: most})
    if name == "most_entries":
        ways = _ways(curves, most)
        assert (blocks is None) == (not ways)
        if blocks is not None:
            assert_sound(blocks, addresses, never)
            assert (unseen(blocks, addresses), entries(blocks)) == min((u, n) for n, u in ways)
        return
    assert_sound(blocks, addresses, never)
    found, ways = (entries(blocks), unseen(blocks, addresses)), _ways(curves, tried, most)
    assert found[1] <= most
    assert found == min(ways) if ways else found[0] > tried


@pytest.mark.parametrize("seen", range(1, 256))
def test_c20_every_set_of_eight_addresses_gets_its_best_blocks_at_every_budget(seen):
    places = [at for at in range(8) if seen >> at & 1]
    base, outside = _space(4, 3)
    addresses, curve = [str(base[at]) for at in places], _curve(3, places, [])
    for most in range(5):
        blocks = aggregate(addresses, never=outside, most_entries=most)
        expected = min(((u, n) for n, u in _ways([curve], most)), default=None)
        assert (blocks and (unseen(blocks, addresses), entries(blocks))) == expected
    for most in range(8):
        blocks = aggregate(addresses, never=outside, most_unseen=most)
        assert (entries(blocks), unseen(blocks, addresses)) == min(_ways([curve], 4, most))


@settings(max_examples=100)  # cheap, and the rare shapes matter
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=30, unique=True), st.integers(0, 30))
def test_c20_machine_words_and_exact_integers_find_the_same_curve(observed, entries):
    family = Family(32, sorted(observed), ())
    words = grow(family, Limits(entries, MOST_IN_WORDS)).off
    exact = grow(family, Limits(entries, 2**130)).off
    assert words.dtype == np.int64
    assert exact.dtype == object
    finite = [int(value) for value in words if value <= MOST_IN_WORDS]
    assert finite == [value for value in exact.tolist() if value <= 2**130]
