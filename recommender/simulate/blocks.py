"""Turns addresses into the ipBlocks that hold them, and ipBlocks into numbers of addresses."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from collectors.addresses import canonical_ip
from recommender.policy import IPBlock

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_WIDTH = {4: 32, 6: 128}


def parse_address(text: str) -> Address | None:
    """Read an address, an IPv4-mapped one as the IPv4 that it is, a zone left out; None where the text is none."""
    try:
        return ipaddress.ip_address(canonical_ip(text))
    except ValueError:
        return None


@lru_cache(maxsize=65536)
def _network(cidr: str) -> Network:
    return ipaddress.ip_network(cidr)


def holds(block: IPBlock, address: Address) -> bool:
    """Say whether an address is in a block's CIDR and in none of its excepts."""
    return address in _network(block.cidr) and not any(address in _network(part) for part in block.excepts)


def count(block: IPBlock) -> int:
    """Count the addresses of a block exactly; excepts may overlap."""
    left_out = ipaddress.collapse_addresses(_network(part) for part in block.excepts)  # type: ignore[type-var]  # the API holds excepts to the cidr's family
    return _network(block.cidr).num_addresses - sum(part.num_addresses for part in left_out)


class BlockIndex:
    """Finds the blocks that hold an address in as many steps as there are prefix lengths, not blocks."""

    def __init__(self, blocks: Iterable[IPBlock]) -> None:
        self._by_prefix: defaultdict[tuple[int, int], defaultdict[int, list[IPBlock]]]
        self._by_prefix = defaultdict(lambda: defaultdict(list))
        for block in sorted(set(blocks)):
            network = _network(block.cidr)
            self._by_prefix[network.version, network.prefixlen][int(network.network_address)].append(block)

    def holding(self, address: Address) -> frozenset[IPBlock]:
        """Return every block that holds an address."""
        value = int(address)
        found: list[IPBlock] = []
        for (version, length), networks in self._by_prefix.items():
            if version == address.version:
                shift = _WIDTH[version] - length
                found += [b for b in networks.get(value >> shift << shift, ()) if holds(b, address)]
        return frozenset(found)
