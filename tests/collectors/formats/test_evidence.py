"""TCP flags of one packet, and of many packets at once, say what they can say."""

import numpy as np
import pytest

from collectors.formats.columns import Numbers
from collectors.formats.evidence import ACK, FIN, PSH, RST, SYN, Seen, of_packet_flags, of_sum_flags

YES = np.array([True])


def packet(flags):
    return Seen(int(of_packet_flags(np.array([flags]), YES)[0])) & ~Seen.SHOWN


def total(flags, packets=None, **how):
    counted = Numbers.of([packets])
    return Seen(int(of_sum_flags(np.array([flags]), YES, counted, **how)[0])) & ~Seen.SHOWN


@pytest.mark.parametrize(
    ("flags", "seen"),
    [
        (SYN, Seen.OPENED | Seen.SYN),
        (SYN | ACK, Seen.ANSWERED | Seen.SYN),
        (ACK, Seen.CARRIED),
        (PSH | ACK, Seen.CARRIED),
        (FIN | ACK, Seen.CARRIED),
        (RST, Seen.RESET),
        (RST | ACK, Seen.RESET),
        (0, Seen(0)),
    ],
)
def test_the_flags_of_a_packet_say_what_it_is(flags, seen):
    assert packet(flags) == seen


@pytest.mark.parametrize(
    ("flags", "packets", "seen"),
    [
        (SYN, 1, Seen.OPENED | Seen.SYN),
        (SYN | ACK | FIN, 6, Seen.SYN | Seen.CARRIED),
        (SYN | RST, 2, Seen.OPENED | Seen.SYN | Seen.RESET),
        (ACK | PSH, 3, Seen.CARRIED),
        (RST | ACK, 1, Seen.CARRIED | Seen.RESET),
    ],
)
def test_flags_of_many_packets_say_less(flags, packets, seen):
    """SYN and ACK together: a SYN with ACK, or a SYN and what followed it."""
    assert total(flags, packets) == seen


@pytest.mark.parametrize(
    ("flags", "packets", "seen"),
    [
        (SYN, 1, Seen.OPENED | Seen.SYN),
        (SYN, 10, Seen.OPENED | Seen.SYN | Seen.CARRIED),
        (SYN | FIN, 6, Seen.OPENED | Seen.SYN | Seen.CARRIED),
        (SYN | ACK, 1, Seen.ANSWERED | Seen.SYN),
        (SYN | ACK | FIN, 5, Seen.ANSWERED | Seen.SYN | Seen.CARRIED),
        (0, 2, Seen.CARRIED),
        (RST, 1, Seen.RESET),
    ],
)
def test_where_ack_alone_is_left_out_syn_with_ack_is_an_answer(flags, packets, seen):
    assert total(flags, packets, lone_ack=False) == seen


def test_flags_that_are_not_known_say_nothing():
    assert not of_packet_flags(np.array([SYN]), np.array([False]))[0]
    assert not of_sum_flags(np.array([SYN]), np.array([False]), Numbers.of([9]))[0]
