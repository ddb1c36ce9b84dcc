"""Turns address text into canonical text and into the class of network it stands for."""

import ipaddress
from functools import lru_cache

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# Addresses that somebody's own network uses: such a one that no inventory knows is unresolved, never "external".
# RFC 1918, RFC 6598 (carrier NAT, used by several clouds for pods), RFC 4193.
PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
LINK_LOCAL = tuple(ipaddress.ip_network(text) for text in ("169.254.0.0/16", "fe80::/10"))


def canonical_ip(text: str) -> str:
    """Return the address as this project writes it: IPv4-mapped as IPv4, IPv6 compressed lower case, no zone.

    Raises ValueError where the text is no address.
    """
    address = ipaddress.ip_address(text.split("%", 1)[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)


@lru_cache(maxsize=65536)
def address_class(text: str) -> str:
    """Return `multicast`, `loopback`, `link_local`, `private` or `public` for a canonical address.

    Broadcast and unspecified addresses count as multicast: nobody in particular is meant. Documentation ranges
    (RFC 5737, RFC 3849) are public here: on a wire they stand for outside hosts.
    """
    address = ipaddress.ip_address(text)
    if address.is_multicast or address.is_unspecified or text == "255.255.255.255":
        return "multicast"
    if address.is_loopback:
        return "loopback"
    if any(address.version == net.version and address in net for net in LINK_LOCAL):
        return "link_local"
    if any(address.version == net.version and address in net for net in PRIVATE):
        return "private"
    return "public"
