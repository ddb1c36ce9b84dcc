"""A case table: packets -> who began, how we know, what came of it, how many connections."""

import io

import pytest

from collectors.capture import Conversations, read_capture
from collectors.capture.conversations import LONG, SHORT
from collectors.ledger import LedgerWriter
from tests.collectors.capture.frames import (
    ACK,
    FIN_ACK,
    PUSH_ACK,
    RST,
    RST_ACK,
    SYN,
    SYN_ACK,
    A,
    B,
    C,
    icmp,
    ip,
    pcap,
    sctp,
    session,
    tcp,
    timed,
    udp,
)

THERE, BACK = (A, 40000, B, 80), (B, 80, A, 40000)
COLUMNS = ["src", "dst", "dst_port", "protocol", "orientation", "outcome", "connections", "packets", "reply_packets"]


def flows_of(frames, bucket_seconds=60):
    conversations = Conversations(bucket_seconds)
    read_capture(io.BytesIO(pcap(frames)), "x", conversations, LedgerWriter())
    return conversations.finish()


def rows(frames):
    flows = flows_of(frames)
    return sorted(tuple(row) for row in flows[COLUMNS].astype(object).itertuples(index=False, name=None))


def syn(seq=100, there=THERE):
    return tcp(*there, SYN, seq=seq)


def syn_ack(ack=101, back=BACK):
    return tcp(*back, SYN_ACK, ack=ack)


def unreachable(quoted, sender=B, kind=3, code=3):
    return icmp(sender, A, kind, code, 0, quoted)


ACKED, ASKED = tcp(*THERE, ACK), tcp(*THERE, PUSH_ACK, b"q")
ANSWERED = tcp(*BACK, PUSH_ACK, b"a")
QUERY, REPLY = udp(A, 5000, B, 53), udp(B, 53, A, 5000)
V6, W6 = "fd00::1", "fd00::2"

TABLE = {
    "a whole connection": (session(), ("handshake", "established", 1, 5, 3)),
    "handshake completed by the initiator": ([syn(), syn_ack(), ACKED], ("handshake", "established", 1, 2, 1)),
    "SYN only": ([syn()], ("handshake", "unanswered", 1, 1, 0)),
    "SYN retransmitted is one attempt": ([syn(), syn(), syn()], ("handshake", "unanswered", 1, 3, 0)),
    "RST answers SYN": ([syn(), tcp(*BACK, RST_ACK)], ("handshake", "refused", 1, 1, 1)),
    "SYN-ACK never answered": ([syn(), syn_ack()], ("handshake", "half_open", 1, 1, 1)),
    "a SYN scanner resets": ([syn(), syn_ack(), tcp(*THERE, RST)], ("handshake", "half_open", 1, 2, 1)),
    "a scanner's RST with ACK": ([syn(), syn_ack(), tcp(*THERE, RST_ACK)], ("handshake", "half_open", 1, 2, 1)),
    "data on a SYN prove nothing": (
        [tcp(*THERE, SYN, b"fast open"), syn_ack(1), tcp(*THERE, RST)],
        ("handshake", "half_open", 1, 2, 1),
    ),
    "SYN-ACK seen first": ([syn_ack()], ("handshake", "half_open", 1, 0, 1)),
    "SYN-ACK, then the initiator's ACK": ([syn_ack(), ACKED], ("handshake", "established", 1, 1, 1)),
    "SYN captured behind its SYN-ACK": ([syn_ack(), syn(), ACKED], ("handshake", "established", 1, 2, 1)),
    "one direction captured": ([syn(), ACKED, ASKED], ("handshake", "unknown", 1, 3, 0)),
    "SYN-ACK lost by the capture": ([syn(), ASKED, ANSWERED], ("handshake", "established", 1, 2, 1)),
    "late FIN and ACK make no new flow": (
        [*session(), tcp(*BACK, FIN_ACK), ACKED],
        ("handshake", "established", 1, 6, 4),
    ),
    "reset in the middle": ([*session()[:5], tcp(*BACK, RST)], ("handshake", "established", 1, 3, 3)),
    "unreachable answers SYN": ([syn(), unreachable(syn())], ("handshake", "refused", 1, 1, 0)),
    "fragmentation needed refuses nothing": (
        [syn(), unreachable(syn(), code=4)],
        ("handshake", "unanswered", 1, 1, 0),
    ),
    "unreachable after an answer": (
        [syn(), syn_ack(), ACKED, unreachable(ACKED)],
        ("handshake", "established", 1, 2, 1),
    ),
    "mid-stream, payload both ways": ([ANSWERED, ASKED], ("unknown", "established", 1, 1, 1)),
    "mid-stream, data and acknowledgement": ([ASKED, tcp(*BACK, ACK)], ("unknown", "established", 1, 1, 1)),
    "mid-stream, one way": ([ASKED, ASKED], ("unknown", "unknown", 1, 2, 0)),
    "mid-stream, nothing but acknowledgements": ([ACKED, tcp(*BACK, ACK)], ("unknown", "unknown", 1, 1, 1)),
    "same ports, new number, after the end": (
        [*session(), *session(isn=900)],
        ("handshake", "established", 2, 10, 6),
    ),
    "same ports, new number, old one still open": (
        [*session()[:5], *session(isn=900)],
        ("handshake", "established", 2, 8, 5),
    ),
}


@pytest.mark.parametrize("case", TABLE, ids=str)
def test_tcp(case):
    packets, expected = TABLE[case]
    assert rows(timed(packets)) == [(A, B, 80, "TCP", *expected)]


DATAGRAMS = {
    "UDP both ways": ([QUERY, REPLY], ("UDP", 53, "paired", "established", 1, 1, 1)),
    "UDP one way": ([QUERY, QUERY], ("UDP", 53, "unknown", "unanswered", 1, 2, 0)),
    "UDP refused": ([QUERY, unreachable(QUERY)], ("UDP", 53, "unknown", "refused", 1, 1, 0)),
    "UDP prohibited by a router": ([QUERY, unreachable(QUERY, C, 3, 13)], ("UDP", 53, "unknown", "refused", 1, 1, 0)),
    "the answer was refused, not the question": (
        [QUERY, REPLY, unreachable(REPLY)],
        ("UDP", 53, "paired", "established", 1, 1, 1),
    ),
    "SCTP": (
        [
            sctp(A, 9, B, 38412, 1, tag=77),
            sctp(B, 38412, A, 9, 2, tag=88, answers=77),
            sctp(A, 9, B, 38412, 10),
            sctp(B, 38412, A, 9, 11),
        ],
        ("SCTP", 38412, "handshake", "established", 1, 2, 2),
    ),
    "SCTP INIT only": ([sctp(A, 9, B, 38412, 1)], ("SCTP", 38412, "handshake", "unanswered", 1, 1, 0)),
    "SCTP INIT ACK seen first": (
        [sctp(B, 38412, A, 9, 2, tag=8, answers=7), sctp(A, 9, B, 38412, 10)],
        ("SCTP", 38412, "handshake", "established", 1, 1, 1),
    ),
    "SCTP ABORT": (
        [sctp(A, 9, B, 38412, 1), sctp(B, 38412, A, 9, 6)],
        ("SCTP", 38412, "handshake", "refused", 1, 1, 1),
    ),
    "echo and reply": ([icmp(A, B, 8), icmp(B, A, 0)], ("ICMP", 0, "paired", "established", 1, 1, 1)),
    "echo alone": ([icmp(A, B, 8)], ("ICMP", 0, "paired", "unanswered", 1, 1, 0)),
    "echo reply seen first": ([icmp(B, A, 0), icmp(A, B, 8)], ("ICMP", 0, "paired", "established", 1, 1, 1)),
    "echo reply alone": ([icmp(B, A, 0)], ("ICMP", 0, "unknown", "unknown", 1, 0, 1)),
    "two pings are two": (
        [icmp(A, B, 8, identifier=1), icmp(A, B, 8, identifier=2)],
        ("ICMP", 0, "paired", "unanswered", 2, 2, 0),
    ),
    "GRE both ways": ([ip(A, B, 47, b"1234"), ip(B, A, 47, b"1234")], ("47", 0, "paired", "established", 1, 1, 1)),
    "ESP one way": ([ip(A, B, 50, b"1234")], ("50", 0, "unknown", "unanswered", 1, 1, 0)),
}


@pytest.mark.parametrize("case", DATAGRAMS, ids=str)
def test_other_protocols(case):
    packets, (protocol, port, *expected) = DATAGRAMS[case]
    assert rows(timed(packets)) == [(A, B, port, protocol, *expected)]


def test_ipv6_conversations_and_errors():
    query = udp(V6, 5000, W6, 53)
    refusal = icmp(W6, V6, 1, 4, 0, query)
    assert rows(timed([query, refusal])) == [(V6, W6, 53, "UDP", "unknown", "refused", 1, 1, 0)]
    assert rows(timed([icmp(V6, W6, 128), icmp(W6, V6, 129)])) == [
        (V6, W6, 0, "ICMPv6", "paired", "established", 1, 1, 1)
    ]


def test_addresses_mapped_into_ipv6_are_ipv4():
    packets = [udp("::ffff:10.0.0.1", 5, "::ffff:10.0.0.2", 53), udp("::ffff:10.0.0.2", 53, "::ffff:10.0.0.1", 5)]
    assert rows(timed(packets)) == [(A, B, 53, "UDP", "paired", "established", 1, 1, 1)]


def test_of_unoriented_connections_the_side_with_more_peers_is_dst():
    """Fan-in decides which port is kept as dst_port; how we know stays unknown."""
    packets = [tcp(A, port, B, 50000, PUSH_ACK, b"x") for port in (300, 301, 302)]
    packets += [tcp(B, 50000, A, port, PUSH_ACK, b"y") for port in (300, 301, 302)]
    assert rows(timed(packets)) == [(A, B, 50000, "TCP", "unknown", "established", 3, 3, 3)]


def test_of_unoriented_connections_without_fan_in_the_lower_port_is_dst():
    packets = [tcp(B, 80, A, 40000, PUSH_ACK, b"y"), tcp(A, 40000, B, 80, ACK)]
    assert rows(timed(packets)) == [(A, B, 80, "TCP", "unknown", "established", 1, 1, 1)]


def test_a_port_that_answered_handshakes_is_dst_of_unoriented_connections_too():
    packets = [*session(C, B, 41000, 50000), tcp(A, 300, B, 50000, PUSH_ACK, b"x"), tcp(B, 50000, A, 300, ACK)]
    assert (A, B, 50000, "TCP", "unknown", "established", 1, 1, 1) in rows(timed(packets))


def test_a_row_never_spans_a_bucket_and_a_connection_counts_where_it_began():
    packets = session()
    flows = flows_of(timed(packets, start=10, step=20))
    buckets = flows["first_seen"].dt.floor("60s")
    assert (buckets == flows["last_seen"].dt.floor("60s")).all()
    assert list(flows.sort_values("first_seen")["connections"]) == [1, 0, 0, 0]
    assert set(flows["outcome"]) == {"established"}
    assert int(flows["packets"].sum() + flows["reply_packets"].sum()) == len(packets)


def test_bytes_are_ip_bytes_each_way():
    flows = flows_of(timed(session()))
    assert int(flows["bytes"].sum()) == 5 * 40 + 5
    assert int(flows["reply_bytes"].sum()) == 3 * 40 + 3


def test_times_that_go_backwards_count_in_their_own_bucket():
    frames = [(600.0, QUERY), (0.0, REPLY), (599.0, QUERY)]
    flows = flows_of(frames)
    assert set(flows["outcome"]) == {"established"}
    assert int(flows["packets"].sum()) == 2
    assert int(flows["connections"].sum()) == 1


@pytest.mark.parametrize(
    ("packets", "silence", "connections"),
    [
        ([QUERY, REPLY, QUERY], SHORT / 2, 1),
        ([QUERY, REPLY, QUERY, REPLY], SHORT * 0.6, 1),
        ([QUERY, REPLY, QUERY, REPLY], SHORT * 1.1, 4),
        ([syn(), syn_ack(), ACKED, ASKED], 0.9 * SHORT, 1),
        ([syn(), syn_ack(), ACKED, ASKED, ANSWERED], LONG * 1.1, 5),
    ],
)
def test_silence_ends_a_conversation(packets, silence, connections):
    flows = flows_of(timed(packets, step=silence / 1e9))
    assert int(flows["connections"].sum()) == connections


def test_what_is_over_is_folded_while_reading():
    """Memory grows with open conversations and distinct rows, not with conversations that are over."""
    conversations = Conversations()
    frames = [(number * 1.0, udp(A, 1 + number % 60000, B, 53)) for number in range(5000)]
    read_capture(io.BytesIO(pcap(frames)), "x", conversations, LedgerWriter())
    assert len(conversations) < 1000
    assert int(conversations.finish()["connections"].sum()) == 5000


def test_a_socket_that_speaks_to_itself():
    packet = udp(A, 7, A, 7)
    assert rows(timed([packet, packet])) == [(A, A, 7, "UDP", "unknown", "unanswered", 1, 2, 0)]


def test_one_wild_timestamp_ends_nothing():
    frames = timed(session()[:3]) + [(10**8, udp(C, 1, B, 2))] + timed(session()[3:5], start=50) * 20
    flows = flows_of(frames)
    assert set(flows.loc[flows["protocol"] == "TCP", "orientation"]) == {"handshake"}


def test_a_client_seen_before_and_behind_translation_is_not_taken_for_a_server():
    """Both of its peers are one: only where three or more use a port it is a server's."""
    service, pod = "10.96.0.9", B
    there = [tcp(A, 40000, to, 80, PUSH_ACK, b"q") for to in (service, pod)]
    back = [tcp(of, 80, A, 40000, PUSH_ACK, b"a") for of in (pod, service)]
    assert {row[:3] for row in rows(timed([*there, *back]))} == {(A, service, 80), (A, pod, 80)}
