"""A1 to A6: what is evidence for a rule, and what is evidence against it."""

import pytest

from tests.cluster import deployment, flow, namespace, service, slices
from tests.collectors.capture.frames import (
    ACK,
    EPOCH,
    PUSH_ACK,
    RST,
    RST_ACK,
    SYN,
    SYN_ACK,
    ethernet,
    icmp,
    pcap,
    sctp,
    session,
    tcp,
    timed,
    udp,
)
from tests.collectors.capture.test_duplicates import sll2
from tests.collectors.capture.traffic import as_pcapng
from tests.recommender.semantics.river import API, CLUSTER, EARLY, WEB, WEB2, case, params, window
from tests.recommender.semantics.views import evidence, findings, having, rules, sorted_out, suggested, withheld

EVIL = "10.0.9.9"
THERE, BACK = (WEB, 40000, API, 3000), (API, 3000, WEB, 40000)
SYN_SEEN, SYN_ACK_SEEN = tcp(*THERE, SYN, seq=100), tcp(*BACK, SYN_ACK, ack=101)
ACK_SEEN, ASKED, ANSWERED = tcp(*THERE, ACK), tcp(*THERE, PUSH_ACK, b"q"), tcp(*BACK, PUSH_ACK, b"a")
WEB_TO_API = "web -> api TCP/3000"
PORTLESS = (*CLUSTER[:3], deployment("api", [API], start=EARLY), *CLUSTER[4:])
BEHIND = [service("api", "10.96.0.5", 80), slices("api", 4000, [(API, "api-5d9c7b-0")])]


def capture(*packets, name="a.pcap"):
    return {name: pcap(timed(list(packets)))}


def began(name, wants, *packets, parts=CLUSTER):
    """A case: how it is known who began, for each communication."""
    return case(name, evidence("orientations"), wants, parts=parts, captures=capture(*packets))


def came(name, wants, *packets):
    """A case: what became of each attempt at TCP/3000 of the api, for which no rule is suggested."""
    said = {WEB_TO_API: (((wants, 1),), 0)}
    return case(name, lambda found: (suggested(found), evidence("failed", "connections")(found)), ([], said),
                captures=capture(*packets))  # fmt: skip


def unoriented(name, wants, *also, port=4000, parts=PORTLESS, **more):
    """A case: a flow of which nobody saw who began it."""
    return case(name, sorted_out, wants, flow(WEB, API, port, orientation="unknown"), parts=parts, also=also, **more)


ORIENTATION = [
    began("A1-syn", {WEB_TO_API: ("handshake",)}, *session(WEB, API, sport=3000)),
    began("A1-syn_ack_from_the_other_side", {WEB_TO_API: ("handshake",)}, SYN_ACK_SEEN, ACK_SEEN, ASKED),
    began(
        "A1-sctp_init", {"web -> api SCTP/3000": ("handshake",)},
        sctp(*THERE, 1, answers=0, tag=7), sctp(*BACK, 2, answers=7, tag=9), sctp(*THERE, 10, answers=9),
        sctp(*BACK, 11, answers=7), sctp(*THERE, 0, answers=9), sctp(*BACK, 0, answers=7),
    ),
    began("A1-first_of_two_datagrams", {"web -> api UDP/8125": ("paired",)},
          udp(WEB, 5000, API, 8125), udp(API, 8125, WEB, 5000)),
    began("A1-first_datagram_from_the_lower_port", {"web -> api UDP/8125": ("paired",)},
          udp(WEB, 53, API, 8125), udp(API, 8125, WEB, 53)),
    began("A1-replies_seen_first", {WEB_TO_API: ("port_hint",)}, ANSWERED, ASKED),
    case("A1-replies_never_open_an_ephemeral_port", suggested, [WEB_TO_API], captures=capture(ANSWERED, ASKED)),
    case("A1-replies_of_no_declared_port_open_nothing", rules, [], parts=PORTLESS, captures=capture(ANSWERED, ASKED)),
    case("A1-reported", lambda found: (suggested(found), having("orientation_guessed")(found)), ([WEB_TO_API], []),
         flow(WEB, API, 3000, orientation="reported")),
    unoriented("A1-port_hint_by_container_port", ([WEB_TO_API], {}), port=3000, parts=CLUSTER),
    unoriented("A1-port_hint_by_endpoint_slice", (["web -> api TCP/4000"], {}), *BEHIND),
    case("A1-port_hint_by_service", suggested, ["web -> api TCP/4000"],
         flow(WEB, "10.96.0.5", 80, orientation="unknown"), also=BEHIND),
    case("A1-port_hint_has_a_caveat", having("orientation_guessed"), [WEB_TO_API],
         flow(WEB, API, 3000, orientation="port_hint")),
    case("A1-a_handshake_beside_a_hint_is_no_guess", having("orientation_guessed"), [],
         flow(WEB, API, 3000, orientation="port_hint"), flow(WEB2, API, 3000)),
    case("A1-port_hint_by_fan_in", suggested, ["web -> api TCP/4000", "worker -> api TCP/4000"],
         *[flow(f"10.0.5.{at}", API, 4000, orientation="unknown") for at in range(1, 31)],
         *[flow(WEB, API, 4000, orientation="unknown")],
         also=[deployment("worker", [f"10.0.5.{at}" for at in range(1, 31)], start=EARLY)], parts=PORTLESS),
    case("A1-no_hint_by_fan_in_at_a_port_of_clients", suggested, [],
         *[flow(f"10.0.5.{at}", API, 40000, orientation="unknown") for at in range(1, 31)],
         also=[deployment("worker", [f"10.0.5.{at}" for at in range(1, 31)], start=EARLY)], parts=PORTLESS),
    case("A1-nine_clients_are_few", suggested, [],
         *[flow(f"10.0.5.{at}", API, 4000, orientation="unknown") for at in range(1, 10)],
         also=[deployment("worker", [f"10.0.5.{at}" for at in range(1, 31)], start=EARLY)], parts=PORTLESS),
    unoriented("A1-unknown_is_listed_and_no_rule", ([], {"web -> api TCP/4000": "not_oriented"})),
]  # fmt: skip

WORKED = [
    case("A2-handshake_completed", evidence("connections", "failed"), {WEB_TO_API: (1, ())},
         captures=capture(SYN_SEEN, SYN_ACK_SEEN, ACK_SEEN)),
    case("A2-payload_both_ways", suggested, [WEB_TO_API], captures=capture(ASKED, ANSWERED)),
    came("A2-refused_by_rst", "refused", SYN_SEEN, tcp(*BACK, RST_ACK)),
    came("A2-refused_by_icmp", "refused", SYN_SEEN, icmp(API, WEB, 3, 3, 0, SYN_SEEN)),
    came("A2-unanswered", "unanswered", SYN_SEEN),
    came("A2-half_open_scanner", "half_open", SYN_SEEN, SYN_ACK_SEEN, tcp(*THERE, RST)),
    *[
        case(f"A2-{word}_is_evidence_against", sorted_out, ([], {WEB_TO_API: "did_not_work"}),
             flow(WEB, API, 3000, outcome=word))
        for word in ("denied", "refused", "half_open", "unanswered")
    ],
    case("A2-an_unknown_outcome_is_no_evidence", sorted_out, ([], {WEB_TO_API: "outcome_unknown"}),
         flow(WEB, API, 3000, outcome="unknown")),
    case("A2-audited_is_evidence_against", sorted_out, ([], {WEB_TO_API: "audited"}),
         flow(WEB, API, 3000, outcome="audited")),
    case("A2-a_dropped_scan_opens_nothing", lambda found: (rules(found), len(withheld(found))), ([], 20),
         *[flow(EVIL, API, port, outcome="denied") for port in range(2990, 3010)],
         also=[namespace("evil"), deployment("evil", [EVIL], ns="evil", start=EARLY)]),
    case("A2-failures_stand_beside_what_worked", lambda found: found.reviewed.accepted[0].reason,
         "2 connections to port 3000; the handshake was seen; beside 3 refused.",
         flow(WEB, API, 3000, connections=2), flow(WEB, API, 3000, outcome="refused", connections=3)),
    case("A2-one_way_udp_has_a_caveat", having("no_reply"), ["web -> api UDP/8125"],
         captures=capture(udp(WEB, 5000, API, 8125))),
    case("A2-udp_refused_is_no_message", sorted_out, ([], {"web -> api UDP/8125": "did_not_work"}),
         captures=capture(udp(WEB, 5000, API, 8125), icmp(API, WEB, 3, 3, 0, udp(WEB, 5000, API, 8125)))),
]  # fmt: skip


def tries(outcome="refused", count=20, src=WEB):
    return [flow(src, API, 4000 + at, outcome=outcome) for at in range(count)]


def of_scan(found):
    return [subject for kind, subject in findings(found) if kind == "scan"]


MANY = [f"10.0.8.{at}" for at in range(1, 41)]
SCANS = [
    case("A3-many_ports", of_scan, ["shop/Deployment/web"], *tries()),
    case("A3-many_ports_dropped", of_scan, ["shop/Deployment/web"], *tries("denied")),
    case("A3-many_ports_half_open", of_scan, ["shop/Deployment/web"], *tries("half_open")),
    case("A3-many_peers", of_scan, ["shop/Deployment/web"],
         *[flow(WEB, peer, 22, outcome="unanswered") for peer in MANY]),
    case("A3-what_it_reached_has_a_caveat", having("scan_like"), [WEB_TO_API], *tries(), flow(WEB, API, 3000)),
    case("A3-others_have_none", having("scan_like"), [WEB_TO_API],
         *tries(), flow(WEB, API, 3000), flow(API, "10.0.1.4", 5432)),
    case("A3-a_few_failures_are_no_scan", of_scan, [], *tries(count=5)),
    case("A3-many_ports_that_worked_are_no_scan", of_scan, [], *tries("established")),
    case("A3-a_long_time_is_no_scan", of_scan, [],
         *[flow(WEB, API, 4000 + at, outcome="refused", at=f"2026-11-01T{at:02}:00:00Z") for at in range(20)]),
]  # fmt: skip

CALL = session(WEB, API, sport=3000)
ON_TWO = [
    (EPOCH * 10**9 + at * 10**6 + face * 10**5, face, ethernet(packet), len(ethernet(packet)))
    for at, packet in enumerate(CALL)
    for face in (0, 1)
]
DNAT = [service("api", "10.96.0.5", 80), slices("api", 3000, [(API, "api-5d9c7b-0")])]
VANTAGES = [
    case("A4-two_nodes", evidence("connections", "packets", "sources"),
         {WEB_TO_API: (1, 5, ("node1.pcap", "node2.pcap"))},
         captures={**capture(*CALL, name="node1.pcap"), "node2.pcap": pcap(timed(CALL, start=0.0001))}),
    case("A4-two_interfaces", evidence("connections", "packets"), {WEB_TO_API: (1, 5)},
         captures={"a.pcapng": as_pcapng(ON_TWO)}),
    case("A4-two_interfaces_are_told", lambda found: found.observation.ledger.packet_counts(), {"duplicate": 8},
         captures={"a.pcapng": as_pcapng(ON_TWO)}),
    case("A4-interface_any", evidence("connections", "packets"), {WEB_TO_API: (1, 5)},
         captures={"a.pcap": pcap([(at / 1000 + face / 10**4, sll2(packet, face + 2))
                                   for at, packet in enumerate(CALL) for face in (0, 1)], link=276)}),
    case("A4-before_and_after_service_translation", evidence("connections", "services"),
         {WEB_TO_API: (1, ("shop/api:80",))},
         captures=capture(*[packet for pair in zip(session(WEB, "10.96.0.5", sport=80), CALL, strict=True)
                            for packet in pair]), also=DNAT),
    case("A4-two_connections_are_two", evidence("connections"), {WEB_TO_API: 2},
         captures=capture(*CALL, *session(WEB, API, cport=40001, sport=3000))),
    case("A4-the_side_that_saw_the_end_counts", evidence("connections", "failed"), {WEB_TO_API: (1, ())},
         captures={**capture(*CALL, name="node1.pcap"), **capture(SYN_SEEN, name="node2.pcap")}),
]  # fmt: skip

PROTOCOLS = [
    case("A5-dns_over_tcp_and_udp", suggested, ["web -> api TCP/53", "web -> api UDP/53"],
         flow(WEB, API, 53), flow(WEB, API, 53, "UDP")),
    case("A5-both_are_ports_of_the_rule", rules,
         ["app=api Ingress: app=web on TCP/53 UDP/53", "app=web Egress: app=api on TCP/53 UDP/53"],
         flow(WEB, API, 53), flow(WEB, API, 53, "UDP")),
    case("A5-udp_alone_opens_no_tcp", rules,
         ["app=api Ingress: app=web on UDP/53", "app=web Egress: app=api on UDP/53"], flow(WEB, API, 53, "UDP")),
    case("A5-sctp_beside_tcp", suggested, ["web -> api SCTP/3868", "web -> api TCP/3868"],
         flow(WEB, API, 3868), flow(WEB, API, 3868, "SCTP")),
]  # fmt: skip

LOSSY = window(drops=500)
SAMPLED = [
    case("A6-sampled_has_a_caveat", having("sampled"), [WEB_TO_API], flow(WEB, API, 3000, sampled=0.01)),
    case("A6-sampled_is_told_in_the_coverage", lambda found: found.coverage.sampled, 1,
         flow(WEB, API, 3000, sampled=0.01)),
    case("A6-sampled_is_a_finding", lambda found: [kind for kind, _ in findings(found)], ["sampled_or_lossy"],
         flow(WEB, API, 3000, sampled=0.01)),
    case("A6-losses_are_told_in_the_coverage",
         lambda found: [(loss.source, loss.lost) for loss in found.coverage.losses], [("test.pcap", 500)],
         flow(WEB, API, 3000), seen_in=LOSSY),
    case("A6-losses_are_a_finding", lambda found: [kind for kind, _ in findings(found)], ["sampled_or_lossy"],
         flow(WEB, API, 3000), seen_in=LOSSY),
    case("A6-absence_in_a_sampled_source_is_never_stable",
         lambda found: {w.verdict for w in found.coverage.workloads} & {"stable"}, set(),
         *[flow(WEB, API, 3000, sampled=0.01, at=f"2026-11-{day:02}T{hour:02}:00:00Z")
           for day in range(1, 9) for hour in range(24)],
         seen_in=window("2026-11-01T00:00:00Z", "2026-11-09T00:00:00Z")),
    case("A6-the_same_without_sampling_is_stable",
         lambda found: {w.workload.name: w.verdict for w in found.coverage.workloads}["api"], "stable",
         *[flow(WEB, API, 3000, at=f"2026-11-{day:02}T{hour:02}:{minute:02}:00Z")
           for day in range(1, 9) for hour in range(24) for minute in range(0, 60, 10)],
         seen_in=window("2026-11-01T00:00:00Z", "2026-11-09T00:00:00Z")),
]  # fmt: skip

CASES = [*ORIENTATION, *WORKED, *SCANS, *VANTAGES, *PROTOCOLS, *SAMPLED]


@pytest.mark.parametrize("one", params(CASES))
def test_evidence(one):
    assert one.act() == one.wants
