"""The capture filter: its program against its rule in plain Python, on a machine of our own and in the kernel."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.capture.decode import Quote, decode
from collectors.live.filter import SNAP, program
from tests.collectors.live.machine import instructions, run
from tests.collectors.live.packets import FRAMES, NETWORK, spoilt
from tests.collectors.live.rule import wanted

KEEP, FULL = program(full=False), program(full=True)
LINKS = st.sampled_from([b"\x08\0", b"\x86\xdd", b"\x81\0", b"\x08\x06", b"\0\x64"])


@pytest.mark.parametrize("frame", FRAMES, ids=range(len(FRAMES)))
def test_a_frame_is_kept_where_the_rule_says_so(frame):
    assert bool(run(KEEP, frame, 1, 0)) == wanted(frame)
    assert bool(run(FULL, frame, 1, 0)) == wanted(frame, full=True)


def test_the_frames_of_this_test_are_of_both_kinds():
    kept = sum(map(wanted, FRAMES))
    assert kept > 60
    assert len(FRAMES) - kept > 20


@settings(max_examples=1500)
@given(spoilt(), LINKS)
def test_spoilt_frames_are_judged_by_the_rule(packet, kind):
    frame = bytes(12) + kind + packet
    for hardware in (1, 772):
        assert bool(run(KEEP, frame, hardware, 0)) == wanted(frame)
        assert bool(run(FULL, frame, hardware, 0)) == wanted(frame, full=True)


@settings(max_examples=500)
@given(spoilt(), st.sampled_from([65534, 768, 769, 776, 778, 512, 801]), st.sampled_from([0x0800, 0x86DD, 0x0806]))
def test_packets_without_a_link_header_are_judged_by_the_rule(packet, hardware, protocol):
    assert bool(run(KEEP, packet, hardware, protocol)) == wanted(packet, hardware, protocol)
    assert bool(run(FULL, packet, hardware, protocol)) == wanted(packet, hardware, protocol, full=True)


@pytest.mark.parametrize("packet", NETWORK, ids=range(len(NETWORK)))
def test_what_the_filter_leaves_out_opens_ends_and_names_nothing(packet):
    """It says at most "acknowledged", "payload", or that a neighbour was looked for."""
    if not wanted(packet, 65534):
        said = decode(101, packet, len(packet))
        assert not isinstance(said, Quote)
        assert said == "link_control" or not said[2] & ~(4 | 8)


@pytest.mark.parametrize("frame", FRAMES, ids=range(len(FRAMES)))
def test_with_full_every_packet_that_the_decoder_can_read_is_kept(frame):
    readable = decode(1, frame, len(frame)) not in ("not_ip", "malformed", "truncated")
    assert not readable or run(FULL, frame, 1, 0)


@pytest.mark.parametrize("step", [1, 100, 1448, 2896, 65536])
def test_of_acknowledgements_about_one_in_sixteen_is_kept(step):
    head = bytes(NETWORK[0][:20])
    segments = (
        head + bytes(8) + (number * step % 2**32).to_bytes(4, "big") + b"\x50\x10" + bytes(6) for number in range(1600)
    )
    kept = sum(bool(run(KEEP, segment, 65534, 0x0800)) for segment in segments)
    assert 80 < kept < 120


def test_a_kept_packet_is_cut_to_what_was_asked_for():
    assert run(program(full=False, snap=300), FRAMES[4], 1, 0) == 300
    assert run(KEEP, FRAMES[4], 1, 0) == SNAP


def test_the_kernel_takes_programs_of_this_size():
    for code in (KEEP, FULL):
        found = instructions(code)
        assert len(found) < 4096
        ends = [at + 1 + max(true, false) for at, (kind, true, false, _) in enumerate(found) if kind & 7 == 5]
        assert max(ends) < len(found)
