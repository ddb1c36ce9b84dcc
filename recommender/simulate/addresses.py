"""Turns ipBlocks into exact sets of addresses, and these into unions, differences, intersections and CIDRs."""

import ipaddress
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from recommender.policy import IPBlock
from recommender.simulate.blocks import Address, BlockIndex

Interval = tuple[int, int, int]
"""IP version, first and last address as numbers."""

_BITS = {4: 32, 6: 128}


@dataclass(frozen=True)
class AddressSet:
    """A set of addresses of both families, as sorted intervals that neither overlap nor touch."""

    intervals: tuple[Interval, ...] = ()

    def __or__(self, other: "AddressSet") -> "AddressSet":
        return of_intervals([*self.intervals, *other.intervals])

    def __and__(self, other: "AddressSet") -> "AddressSet":
        return self - (self - other)

    def __sub__(self, other: "AddressSet") -> "AddressSet":
        return AddressSet(tuple(_without(self.intervals, other.intervals)))

    def __contains__(self, address: Address) -> bool:
        at = bisect_right(self.intervals, (address.version, int(address), 1 << 128)) - 1
        return at >= 0 and self.intervals[at][0] == address.version and int(address) <= self.intervals[at][2]

    @property
    def size(self) -> int:
        """How many addresses it has."""
        return sum(high - low + 1 for _, low, high in self.intervals)

    def cidrs(self) -> tuple[str, ...]:
        """Return the fewest CIDRs that are this set, IPv4 first."""
        return tuple(str(part) for interval in self.intervals for part in _networks(interval))

    def with_excepts(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return one CIDR for each family that holds all of it, and the CIDRs that these hold besides."""
        found: list[str] = []
        for version in (4, 6):
            mine = [part for part in self.intervals if part[0] == version]
            if mine:
                width = (mine[0][1] ^ mine[-1][2]).bit_length()
                found.append(
                    str(ipaddress.ip_network((_address(version, mine[0][1] >> width << width), _BITS[version] - width)))
                )
        return tuple(found), (of_cidrs(found) - self).cidrs()


def of_intervals(parts: Iterable[Interval]) -> AddressSet:
    """Return the union of intervals that may overlap."""
    found: list[Interval] = []
    for version, low, high in sorted(parts):
        if found and found[-1][0] == version and low <= found[-1][2] + 1:
            found[-1] = (version, found[-1][1], max(high, found[-1][2]))
        else:
            found.append((version, low, high))
    return AddressSet(tuple(found))


def _without(whole: Sequence[Interval], cut: Sequence[Interval]) -> Iterable[Interval]:
    at = 0
    for version, low, high in whole:
        start = low
        while at < len(cut) and (cut[at][0], cut[at][2]) < (version, start):
            at += 1
        # a cut may reach into the next interval, so that it is looked at again there
        ahead = at
        while ahead < len(cut) and cut[ahead][0] == version and cut[ahead][1] <= high:
            if start < cut[ahead][1]:
                yield version, start, cut[ahead][1] - 1
            start = max(start, cut[ahead][2] + 1)
            ahead += 1
        if start <= high:
            yield version, start, high


def of_cidrs(cidrs: Iterable[str]) -> AddressSet:
    """Return the addresses of CIDRs."""
    return of_intervals(map(_interval, cidrs))


@lru_cache(maxsize=65536)
def of_block(block: IPBlock) -> AddressSet:
    """Return the addresses of an ipBlock, its excepts left out."""
    return of_cidrs([block.cidr]) - of_cidrs(block.excepts)


NOWHERE = AddressSet()
EVERYWHERE = of_intervals([(4, 0, (1 << 32) - 1), (6, 0, (1 << 128) - 1)])


def _interval(cidr: str) -> Interval:
    network = ipaddress.ip_network(cidr)
    return (network.version, int(network.network_address), int(network.broadcast_address))


def _networks(interval: Interval) -> Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    version, low, high = interval
    while low <= high:
        # the widest prefix that begins here and does not reach beyond the end
        align = (low & -low).bit_length() - 1 if low else _BITS[version]
        width = min(align, (high - low + 1).bit_length() - 1)
        yield ipaddress.ip_network((_address(version, low), _BITS[version] - width))
        low += 1 << width


def _address(version: int, value: int) -> Address:
    return ipaddress.IPv4Address(value) if version == 4 else ipaddress.IPv6Address(value)


def classes(blocks: Iterable[IPBlock], apart: AddressSet) -> Mapping[tuple[int, bool, frozenset[IPBlock]], AddressSet]:
    """Return all addresses by IP version, whether they are in `apart`, and the blocks that hold them.

    Two addresses of one class are alike to every set of rules that names no other blocks.
    """
    listed = sorted(set(blocks))
    index = BlockIndex(listed)
    found: defaultdict[tuple[int, bool, frozenset[IPBlock]], list[Interval]] = defaultdict(list)
    edges: defaultdict[int, set[int]] = defaultdict(set)
    for part in (EVERYWHERE, apart, *map(of_block, listed)):
        for version, low, high in part.intervals:
            edges[version] |= {low, high + 1}
    for version, cuts in edges.items():
        ordered = sorted(cuts)
        for low, following in pairwise(ordered):
            first = _address(version, low)
            found[version, first in apart, index.holding(first)].append((version, low, following - 1))
    return {key: of_intervals(parts) for key, parts in found.items()}


def holds_only(ranges: AddressSet, known: Mapping[int, Sequence[int]]) -> bool:
    """Say whether a set has no address besides known ones, given as sorted numbers by IP version."""
    return all(
        bisect_right(known.get(version, ()), high) - bisect_left(known.get(version, ()), low) == high - low + 1
        for version, low, high in ranges.intervals
    )
