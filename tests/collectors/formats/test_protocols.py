"""Protocols by name, number and letter case are one."""

import pytest

from collectors.formats.protocols import has_ports, protocol_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("6", "TCP"), ("tcp", "TCP"), ("TCP", "TCP"), ("17", "UDP"), ("sctp", "SCTP"), ("1", "ICMP"), ("58", "ICMPv6"),
        ("IPv6-ICMP", "ICMPv6"), ("icmp6", "ICMPv6"), ("gre", "47"), ("47", "47"), ("006", "TCP"), ("0", "0"),
        ("255", "255"),
        ("256", None), ("99999", None), ("", None), ("-", None), ("words", None), ("६", None), ("-6", None),
    ],
)  # fmt: skip
def test_a_protocol_has_one_name(text, name):
    assert protocol_name(text) == name


def test_only_what_a_policy_can_name_by_port_has_ports():
    assert [name for name in ("TCP", "UDP", "SCTP", "ICMP", "47") if has_ports(name)] == ["TCP", "UDP", "SCTP"]
