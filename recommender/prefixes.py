"""Turns observed addresses into the smallest set of ipBlocks under a budget of entries or of never-seen ones. Pure.

Both IP versions share the budget. `prefix_trie` finds how well each can do with any number of entries; here the two
are brought together, and the result is written as ipBlocks.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from functools import partial, reduce

import numpy as np

from collectors import addresses as known
from collectors.addresses import IPAddress, IPNetwork, canonical_ip
from collectors.errors import UnreadableInput, one_line
from collectors.ranges import collapsed
from recommender.budgets import check_budget
from recommender.policy import IPBlock
from recommender.prefix_trie import MOST_IN_WORDS, Family, Limits, Switch, division, grow, merged, switches

_WIDTHS = {4: 32, 6: 128}

# Beside what `collectors.addresses` calls not public: IANA's special-purpose registries (RFC 6890 and its successors).
# Documentation ranges are not here: `address_class` calls them public too, for on a wire they stand for outside hosts.
_SPECIAL = (
    "0.0.0.0/8", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4",  # this network, protocols, benchmarks, reserved
    "::/96", "::ffff:0:0/96", "64:ff9b:1::/48", "100::/64",  # two ways to write IPv4, local NAT64, discard
    "2001::/23", "2002::/16", "5f00::/16", "fec0::/10",  # protocols, 6to4, segment routing, the old site-local
)  # fmt: skip

PRIVATE = collapsed((*known.PRIVATE, *known.LINK_LOCAL, *known.LOOPBACK, *known.BROADCAST, *known.MULTICAST), _SPECIAL)
"""Every range that is not public, sorted: with the cluster's own ranges, what `never` should hold for outside peers."""


def aggregate(
    addresses: Iterable[str],
    *,
    most_entries: int | None = None,
    most_unseen: int | None = None,
    never: Iterable[str] = (),
) -> tuple[IPBlock, ...] | None:
    """Return the best ipBlocks, sorted, that hold all addresses; None where a budget of entries cannot be met.

    An entry is one written CIDR, of a block or of an `except`. With `most_entries` the blocks hold as few never-seen
    addresses as possible, and of those ways it is one with the fewest entries; with `most_unseen` they have as few
    entries as possible, and of those ways it is one with the fewest never-seen addresses. No never-seen address of
    `never` (CIDRs or addresses) is held; what was seen there is held even so. Of ways that are still as good, the one
    that lets in less at the widest prefix. Raises UnreadableInput for a text that is no address or range, PodfenceError
    for a budget below zero.
    """
    check_budget("address ranges", most_entries, most_unseen)
    families = _families(addresses, never)
    if not families:
        return ()
    seen = sum(len(family.observed) for family in families)
    every = sum(family.size(0) for family in families)
    if most_unseen is not None:
        return _best(families, Limits(seen, min(most_unseen, every)), fewest_entries=True)
    entries = min(most_entries or 0, seen)
    # What can be found in machine words is exact, and nothing beyond them is better.
    for unseen in sorted({min(MOST_IN_WORDS, every), every}):
        blocks = _best(families, Limits(entries, unseen), fewest_entries=False)
        if blocks is not None:
            return blocks
    return None


def blocks_of(blocks: Iterable[IPBlock], addresses: Iterable[str]) -> dict[str, IPBlock]:
    """Return for each address, as it was given, the narrowest block that holds it; those that none holds are absent."""
    listed = list(blocks)
    entries: dict[tuple[int, int, int], list[tuple[int, bool]]] = {}
    for at, block in enumerate(listed):
        for text in (block.cidr, *block.excepts):
            network = ipaddress.ip_network(text, strict=False)
            prefix = (network.version, network.prefixlen, int(network[0]))
            entries.setdefault(prefix, []).append((at, text == block.cidr))
    lengths = {
        version: sorted({length for other, length, _ in entries if other == version}, reverse=True)
        for version in _WIDTHS
    }
    found: dict[str, IPBlock] = {}
    for text in dict.fromkeys(addresses):
        address = _address(text)
        version, number, width = address.version, int(address), _WIDTHS[address.version]
        on_the_way = (
            entry
            for length in lengths[version]
            for entry in entries.get((version, length, number & -(1 << (width - length))), ())
        )
        held = _narrowest(on_the_way)
        if held is not None:
            found[text] = listed[held]
    return found


def _narrowest(on_the_way: Iterable[tuple[int, bool]]) -> int | None:
    """Return the first block in a way from narrow to wide of which no except came before."""
    refused = set()
    for at, begins in on_the_way:
        if begins and at not in refused:
            return at
        refused.add(at)
    return None


def block_of(blocks: Iterable[IPBlock], address: str) -> IPBlock:
    """Return the narrowest block that holds an address; raises ValueError where none does.

    For many addresses `blocks_of` is the quick way.
    """
    found = blocks_of(blocks, [address])
    if not found:
        raise ValueError(f"none of the blocks holds {one_line(address, 60)}")
    return found[address]


def _families(addresses: Iterable[str], never: Iterable[str]) -> tuple[Family, ...]:
    """Return the families that have an observed address, IPv4 first."""
    seen = {_address(text) for text in addresses}
    refused = {_network(text) for text in never}
    families = []
    for version, width in _WIDTHS.items():
        spans = ((int(net[0]), int(net[-1])) for net in refused if net.version == version)
        observed = tuple(sorted(int(address) for address in seen if address.version == version))
        if observed:
            families.append(Family(width, observed, _disjoint(spans)))
    return tuple(families)


def _disjoint(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the spans of prefixes, sorted, without those inside another one: two prefixes nest, or are apart."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not found or first > found[-1][1]:
            found.append((first, last))
    return tuple(found)


def _address(text: str) -> IPAddress:
    try:
        return ipaddress.ip_address(canonical_ip(text))
    except ValueError as fault:
        raise UnreadableInput(
            f"address ranges: {one_line(text, 60)!r} is no IP address; give one like 203.0.113.7"
        ) from fault


def _network(text: str) -> IPNetwork:
    try:
        return ipaddress.ip_network(text if "/" in text else canonical_ip(text), strict=False)
    except ValueError as fault:
        raise UnreadableInput(
            f"address ranges: {one_line(text, 60)!r} is no address range; give one like 10.42.0.0/16"
        ) from fault


def _best(families: tuple[Family, ...], limits: Limits, *, fewest_entries: bool) -> tuple[IPBlock, ...] | None:
    """Return the best blocks within the limits, None where there are none.

    With `fewest_entries` any number of never-seen addresses within the limit does, else the least one.
    """
    roots = [grow(family, limits) for family in families]
    curve = reduce(partial(merged, limits=limits), (root.off for root in roots))
    enough = limits.unseen if fewest_entries else int(curve[-1])
    if curve[-1] > min(enough, limits.unseen):
        return None
    entries = int(np.argmax(curve <= enough))
    shares = division(roots[0].off, roots[1].off, entries) if len(roots) > 1 else (entries,)
    blocks: list[IPBlock] = []
    for family, root, share in zip(families, roots, shares, strict=True):
        blocks += _blocks(family.width, switches(root, share))
    return tuple(blocks)


def _blocks(width: int, found: Iterable[Switch]) -> Iterator[IPBlock]:
    """Yield the blocks that switches make, in the order of their addresses; an `off` is an except of the last `on`."""
    open_blocks: list[tuple[Switch, list[str]]] = []
    written: list[tuple[Switch, list[str]]] = []
    for switch in sorted(found):
        while open_blocks and not _inside(width, switch, open_blocks[-1][0]):
            open_blocks.pop()
        if switch.on:
            open_blocks.append((switch, []))
            written.append(open_blocks[-1])
        else:
            open_blocks[-1][1].append(_text(width, switch))
    for switch, excepts in written:
        yield IPBlock(_text(width, switch), tuple(excepts))


def _inside(width: int, inner: Switch, outer: Switch) -> bool:
    return inner.start < outer.start + (1 << (width - outer.length))


def _text(width: int, switch: Switch) -> str:
    network = ipaddress.IPv4Network if width == _WIDTHS[4] else ipaddress.IPv6Network
    return str(network((switch.start, switch.length)))
