"""Turns address text into canonical text and into the class of network it stands for."""

import ipaddress
import socket
from bisect import bisect_right
from collections.abc import Iterable
from typing import TypeVar

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# Addresses that somebody's own network uses: such a one that no inventory knows is unresolved, never "external".
# RFC 1918, RFC 6598 (carrier NAT, used by several clouds for pods), RFC 4193.
PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
LINK_LOCAL = tuple(ipaddress.ip_network(text) for text in ("169.254.0.0/16", "fe80::/10"))
LOOPBACK = tuple(ipaddress.ip_network(text) for text in ("127.0.0.0/8", "::1/128"))
BROADCAST = (ipaddress.ip_network("255.255.255.255/32"),)
# The unspecified address counts with the groups: nobody in particular is meant.
MULTICAST = tuple(ipaddress.ip_network(text) for text in ("224.0.0.0/4", "ff00::/8", "0.0.0.0/32", "::/128"))

NOBODYS = frozenset({"link_local", "loopback", "broadcast", "multicast"})
"""Classes of address that never tell who somebody is: they mean another one on each link, or nobody in particular."""


def canonical_ip(text: str) -> str:
    """Return the address as this project writes it: IPv4-mapped as IPv4, IPv6 compressed lower case, no zone.

    Raises ValueError where the text is no address.
    """
    address = ipaddress.ip_address(text.split("%", 1)[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)


class Ranges:
    """Ranges of addresses, both IP versions; `in` says whether one of them holds an address (canonical text).

    The constructor raises ValueError for a text that is no range. It takes those with host bits, as Kubernetes does.
    """

    def __init__(self, cidrs: Iterable[str | IPNetwork]) -> None:
        networks = {ipaddress.ip_network(cidr, strict=False) for cidr in cidrs}
        self._tables = (
            _table(net for net in networks if isinstance(net, ipaddress.IPv4Network)),
            _table(net for net in networks if isinstance(net, ipaddress.IPv6Network)),
        )

    def __contains__(self, text: str) -> bool:
        starts, ends = self._tables[":" in text]
        if not starts:
            return False
        number = _packed(text)
        at = bisect_right(starts, number)
        return at > 0 and number <= ends[at - 1]


_Network = TypeVar("_Network", ipaddress.IPv4Network, ipaddress.IPv6Network)


def _table(networks: Iterable[_Network]) -> tuple[list[bytes], list[bytes]]:
    merged = sorted(ipaddress.collapse_addresses(networks))
    return [net[0].packed for net in merged], [net[-1].packed for net in merged]


def _packed(text: str) -> bytes:
    """Return the address in network order, which sorts as addresses do; several times as fast as `ipaddress`."""
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, UnicodeError) as fault:
        raise ValueError(f"{text[:80]!r} does not appear to be an address") from fault


_CLASSES = {
    "multicast": MULTICAST, "broadcast": BROADCAST, "loopback": LOOPBACK, "link_local": LINK_LOCAL, "private": PRIVATE,
}  # fmt: skip
# First and last address of each range and its class, sorted, by IP version; no two ranges overlap.
_KNOWN = tuple(
    sorted(
        (net[0].packed, net[-1].packed, name)
        for name, nets in _CLASSES.items()
        for net in nets
        if net.version == version
    )
    for version in (4, 6)
)
_STARTS = tuple([start for start, _, _ in known] for known in _KNOWN)


def address_class(text: str) -> str:
    """Return `multicast`, `broadcast`, `loopback`, `link_local`, `private` or `public` for a canonical address.

    The unspecified address counts as multicast: nobody in particular is meant. Documentation ranges
    (RFC 5737, RFC 3849) are public here: on a wire they stand for outside hosts. Raises ValueError for other text.
    """
    packed, six = _packed(text), ":" in text
    _, end, name = _KNOWN[six][bisect_right(_STARTS[six], packed) - 1]
    return name if packed <= end else "public"
