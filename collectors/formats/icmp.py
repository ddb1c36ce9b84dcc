"""Turns ICMP message types into those that are no communication of their own."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from collectors.addresses import canonical_ip
from collectors.formats.columns import Array, Numbers, Texts
from collectors.formats.protocols import protocol_name

# https://www.iana.org/assignments/icmp-parameters and https://www.iana.org/assignments/icmpv6-parameters
_ERRORS: Final = {"ICMP": (3, 4, 5, 11, 12), "ICMPv6": (1, 2, 3, 4)}
_LINK: Final = {"ICMP": (9, 10), "ICMPv6": (*range(130, 138), 143)}


def not_conversations(protocol: Texts, kind: Numbers) -> Mapping[str, Array]:
    """Return ledger class -> where a record is of an ICMP error, or of the control of a link; by protocol and type."""
    return {"icmp_error": _among(protocol, kind, _ERRORS), "link_control": _among(protocol, kind, _LINK)}


def of_family(protocol: Texts, address: Texts) -> Texts:
    """Return the protocols with ICMP as ICMPv6 where the address is IPv6: some logs call both the same."""
    plain = protocol.map(protocol_name).isin(("ICMP",))
    six = address.each(_is_ipv6, missing=False)
    return protocol.but(plain & six, Texts.all("ICMPv6", len(protocol)))


def _is_ipv6(address: str) -> bool:
    try:
        return ":" in canonical_ip(address)
    except ValueError:
        return False


def _among(protocol: Texts, kind: Numbers, kinds: Mapping[str, tuple[int, ...]]) -> Array:
    found = np.zeros(len(protocol), dtype=bool)
    names = protocol.map(protocol_name)
    for name, wanted in kinds.items():
        found |= names.isin((name,)) & kind.known & np.isin(kind.values, wanted)
    return found
