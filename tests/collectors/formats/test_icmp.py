"""ICMP errors and the control of links are no conversations, whatever a log calls the protocol."""

import pytest

from collectors.formats.columns import Numbers, Texts
from collectors.formats.icmp import not_conversations, of_family


def classes(protocol, kind):
    found = not_conversations(Texts.of([protocol]), Numbers.of([kind]))
    return [name for name, mask in found.items() if mask[0]]


@pytest.mark.parametrize(
    ("protocol", "kind", "expected"),
    [
        ("icmp", 8, []), ("1", 3, ["icmp_error"]), ("ICMP", 11, ["icmp_error"]), ("ICMP", 9, ["link_control"]),
        ("ICMPv6", 128, []), ("58", 1, ["icmp_error"]), ("IPv6-ICMP", 135, ["link_control"]),
        ("ICMPv6", 3, ["icmp_error"]),
        ("TCP", 3, []), ("ICMP", None, []), (None, 3, []),
    ],
)  # fmt: skip
def test_types_are_errors_or_link_control_by_their_protocol(protocol, kind, expected):
    assert classes(protocol, kind) == expected


@pytest.mark.parametrize(
    ("protocol", "address", "expected"),
    [("icmp", "fd00::1", "ICMPv6"), ("icmp", "10.0.0.1", "icmp"), ("icmp", "::ffff:a00:1", "icmp"),
     ("icmp", "no", "icmp"), ("icmp", None, "icmp"), ("tcp", "fd00::1", "tcp"), (None, "fd00::1", None)],
)  # fmt: skip
def test_icmp_between_ipv6_addresses_is_icmpv6(protocol, address, expected):
    assert of_family(Texts.of([protocol]), Texts.of([address])).at(0) == expected
