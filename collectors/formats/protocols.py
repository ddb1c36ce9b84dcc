"""Turns the protocol of a record, by name or IANA number, into the name that flows have."""

from collectors.flows import PROTOCOL_NAMES, TRANSPORTS

_NAMES = {name.upper(): name for name in PROTOCOL_NAMES.values()} | {
    "ICMP6": "ICMPv6", "IPV6-ICMP": "ICMPv6", "ICMPV4": "ICMP",
    # https://www.iana.org/assignments/protocol-numbers: names that logs write for what no NetworkPolicy can express
    "IGMP": "2", "IPIP": "4", "IPENCAP": "4", "IPV4": "4", "IPV6": "41", "GRE": "47", "ESP": "50", "AH": "51",
    "OSPF": "89", "OSPFIGP": "89", "PIM": "103", "VRRP": "112", "UDPLITE": "136", "DCCP": "33", "HOPOPT": "0",
}  # fmt: skip
_MOST = 255


def protocol_name(text: str) -> str | None:
    """Return `TCP UDP SCTP ICMP ICMPv6`, else the IANA number as text; None where the text is no protocol."""
    if text.isascii() and text.isdigit() and int(text[:4]) <= _MOST:
        return PROTOCOL_NAMES.get(int(text), str(int(text)))
    return _NAMES.get(text.upper())


def has_ports(protocol: str) -> bool:
    """Return whether a protocol, as flows name it, has ports."""
    return protocol in TRANSPORTS
