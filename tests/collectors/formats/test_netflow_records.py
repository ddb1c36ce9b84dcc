"""Records of NetFlow and IPFIX: times, who began, outcomes, translation, counters, Antrea."""

import pytest

from tests.collectors.formats.exports import (
    ANTREA,
    DATED,
    PLAIN,
    SECOND,
    START,
    data,
    dated,
    flow,
    how,
    ipfix,
    observed,
    row,
    template,
    v9,
)
from tests.collectors.formats.hands import only

FIN, SYN, RST, ACK = 1, 2, 4, 16
SIX = tuple((name.replace("IPv4", "IPv6"), 16 if "IPv4" in name else length) for name, length in DATED)
BOTH_WAYS = (*DATED, ("reversePacketDeltaCount", 4), ("reverseOctetDeltaCount", 4), ("reverseTcpControlBits", 1))
BACK = {"src": "10.0.2.9:8080", "dst": "10.0.1.7:41000"}


def test_flags_of_each_direction_tell_who_began_and_that_it_worked():
    assert how(flow(flags=SYN, packets=1), flow(**BACK, flags=SYN | ACK, at=1, packets=2), flow(flags=ACK, at=2)) == (
        "10.0.1.7", "handshake", "established",
    )  # fmt: skip


def test_the_answer_of_a_closed_port_is_a_refusal():
    assert how(flow(**BACK, flags=RST | ACK, at=1), flow(flags=SYN)) == ("10.0.1.7", "handshake", "refused")


def test_a_syn_without_any_answer_is_unanswered():
    assert how(flow(flags=SYN, packets=3)) == ("10.0.1.7", "handshake", "unanswered")


def test_flags_that_could_be_either_side_leave_who_began_to_the_first_packet():
    every = SYN | ACK | FIN
    assert how(flow(flags=every, packets=6), flow(**BACK, flags=every, packets=5, at=0.01))[:2] == (
        "10.0.1.7",
        "paired",
    )
    assert how(flow(flags=every, packets=6), flow(**BACK, flags=every, packets=5))[1] == "unknown"


def test_no_flags_of_tcp_are_flags_that_the_exporter_does_not_know():
    assert how(flow(flags=0, packets=6)) == ("10.0.1.7", "unknown", "unknown")


def test_datagrams_both_ways_are_paired_and_the_first_one_asked():
    found = how(flow(**BACK, protocol=17, at=0.1), flow(protocol=17))
    assert found == ("10.0.1.7", "paired", "established")


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ((SYN | ACK | FIN, 6), (SYN | ACK | FIN, 5), "established"),
        ((SYN, 2), (RST | ACK, 2), "refused"),
        ((SYN | RST, 2), (SYN | ACK, 1), "half_open"),
        ((SYN, 3), (0, 0), "unanswered"),
    ],
)
def test_both_directions_in_one_record_prove_what_became_of_it_whichever_comes_first(own, other, expected):
    def one(first, second, **ends):
        reply = {"reversePacketDeltaCount": second[1], "reverseTcpControlBits": second[0]}
        return row(flow(flags=first[0], packets=first[1], **ends, **reply), fields=BOTH_WAYS)

    assert one(own, other)["outcome"] == expected
    found = one(other, own, **BACK)
    assert found["outcome"] == expected
    assert expected == "established" or (found["src"], found["orientation"]) == ("10.0.1.7", "handshake")


def test_the_direction_of_a_record_of_both_ways_is_told_by_its_element():
    fields = (*BOTH_WAYS, ("biflowDirection", 1))
    reply = {"reversePacketDeltaCount": 3, "protocol": 17}
    assert how(flow(**reply, biflowDirection=1), fields=fields) == ("10.0.1.7", "reported", "established")
    assert how(flow(**reply, biflowDirection=2), fields=fields) == ("10.0.2.9", "reported", "established")


def test_the_destination_after_translation_is_the_end_and_the_one_before_is_the_service():
    fields = (*DATED, ("postNATDestinationIPv4Address", 4), ("postNAPTDestinationTransportPort", 2))
    there = flow(
        dst="10.96.3.3:80", flags=SYN, postNATDestinationIPv4Address="10.0.2.9", postNAPTDestinationTransportPort=8080
    )
    found = row(there, fields=fields)
    assert [found[name] for name in ("dst", "dst_port", "service_ip", "service_port")] == [
        "10.0.2.9",
        8080,
        "10.96.3.3",
        80,
    ]
    found = row(flow(flags=SYN, postNATDestinationIPv4Address="0.0.0.0"), fields=fields)
    assert (found["dst"], str(found["service_ip"])) in {("10.0.2.9", "nan"), ("10.0.2.9", "<NA>"), ("10.0.2.9", "None")}


@pytest.mark.parametrize(
    ("name", "length", "said", "expected"),
    [
        ("forwardingStatus", 1, 0x40, "unknown"), ("forwardingStatus", 1, 129, "denied"),
        ("forwardingStatus", 4, 130, "denied"), ("forwardingStatus", 1, 131, "unanswered"),
        ("firewallEvent", 1, 3, "denied"), ("firewallEvent", 1, 1, "allowed"),
    ],
)  # fmt: skip
def test_what_a_router_or_firewall_did_with_it_counts(name, length, said, expected):
    assert row(flow(**{name: said}), fields=(*DATED, (name, length)))["outcome"] == expected


def test_events_of_pools_are_other_records():
    fields = (*DATED, ("natEvent", 1))
    flows, ledger, _, _ = observed(dated(flow(natEvent=4), flow(natEvent=3), fields=fields))
    assert ledger.packet_counts() == {"other_record": 1}
    assert only(flows)["orientation"] == "reported"


@pytest.mark.parametrize(
    ("fields", "values"),
    [
        ((("flowStartSeconds", 4),), {}),
        ((("flowStartMilliseconds", 8),), {}),
        ((("flowStartMicroseconds", 8),), {"flowStartMicroseconds": (START + 2_208_988_800) << 32}),
        ((("flowStartNanoseconds", 8),), {"flowStartNanoseconds": (START + 2_208_988_800) << 32}),
        ((("flowStartDeltaMicroseconds", 4),), {"flowStartDeltaMicroseconds": 30_000_000}),
        ((("flowEndSysUpTime", 4), ("systemInitTimeMilliseconds", 8)),
         {"systemInitTimeMilliseconds": (START - 600) * 1000}),
    ],
    ids=["s", "ms", "us", "ns", "delta", "uptime"],
)  # fmt: skip
def test_every_way_to_write_a_time_is_read(fields, values):
    at = 30 if "flowStartDeltaMicroseconds" in values else 0
    message = ipfix(template(256, (*DATED[:-2], *fields)), data(256, (*DATED[:-2], *fields), [flow(**values)]), at=at)
    assert only(observed(message)[0])["first_seen"].value == START * SECOND


def test_a_record_without_a_time_is_as_old_as_its_message():
    message = ipfix(template(256, DATED[:-2]), data(256, DATED[:-2], [flow()]), at=9)
    assert only(observed(message)[0])["first_seen"].value == (START + 9) * SECOND


def test_the_exporters_clock_may_have_begun_again_after_49_days():
    wrapped = flow(flowStartSysUpTime=(1 << 32) - 1000, flowEndSysUpTime=500)
    message = v9(template(256, PLAIN, 9), data(256, PLAIN, [wrapped]))
    found = only(observed(message)[0])
    assert found["first_seen"].value == (START - 601) * SECOND
    assert (found["last_seen"] - found["first_seen"]).total_seconds() == 1.5


def test_both_interfaces_of_a_router_count_once():
    fields = (*DATED, ("ingressInterface", 4), ("egressInterface", 4), ("flowDirection", 1))
    seen = [flow(packets=6, ingressInterface=1, egressInterface=2, flowDirection=way) for way in (0, 1)]
    assert row(*seen, fields=fields)["packets"] == 6


def test_records_of_one_connection_over_time_add_up():
    assert row(flow(packets=6, until=30), flow(packets=4, at=30, until=31))["packets"] == 10


def test_totals_are_read_where_there_are_no_deltas():
    fields = tuple((name.replace("Delta", "Total"), length) for name, length in DATED)
    assert row(flow(packetTotalCount=7, octetTotalCount=70), fields=fields)["packets"] == 7


def test_antreas_elements_are_claims_and_the_service():
    record = flow(
        packets=6, reversePacketTotalCount=5, reversePacketDeltaCount=5, sourcePodName="web-1",
        sourcePodNamespace="shop", sourceNodeName="n1", destinationPodName="cart-1", destinationPodNamespace="shop",
        destinationNodeName="n2", destinationClusterIPv4="10.96.3.3", destinationServicePort=80,
        tcpState="TIME_WAIT", sourcePodLabels='{"app":"web"}',
    )  # fmt: skip
    flows, _, _, claims = observed(dated(record, fields=ANTREA))
    found = only(flows)
    assert (found["orientation"], found["outcome"]) == ("reported", "established")
    assert [found[name] for name in ("src_pod", "dst_pod", "service_ip", "service_port")] == [
        "web-1",
        "cart-1",
        "10.96.3.3",
        80,
    ]
    told = claims.set_index("pod")
    assert told.loc["web-1", "labels"] == '{"app": "web"}'
    assert told.loc["cart-1", "node"] == "n2"


@pytest.mark.parametrize("action", [2, 3])
@pytest.mark.parametrize("way", ["ingress", "egress"])
def test_antreas_drop_and_reject_are_denied(way, action):
    found = row(flow(tcpState="SYN_SENT", **{f"{way}NetworkPolicyRuleAction": action}), fields=ANTREA)
    assert found["outcome"] == "denied"


def test_a_connection_of_antrea_whose_answers_come_alone_keeps_its_direction():
    found = row(flow(packets=0, reversePacketTotalCount=9, reversePacketDeltaCount=9, protocol=17), fields=ANTREA)
    assert (found["src"], found["outcome"]) == ("10.0.1.7", "established")


@pytest.mark.parametrize("length", [0, 1, 254, 255, 256, 5000])
def test_texts_of_every_length_are_read(length):
    record = flow(destinationPodName="cart", destinationPodNamespace="shop", sourcePodLabels="x" * length)
    assert row(record, fields=ANTREA)["dst_pod"] == "cart"


def test_unknown_elements_are_passed_over_and_the_first_of_two_counts():
    fields = (DATED[0], ("paddingOctets", 3), *DATED[1:], ("sourceIPv4Address", 4))
    assert row(flow(), fields=fields)["dst_port"] == 8080


def test_trap_18_ipv6_mapped_addresses_port_0_and_zeros_of_the_other_family_are_read():
    assert row(flow(src="2001:db8::1:4", dst="2001:db8::2:8080", flags=SYN), fields=SIX)["dst"] == "2001:db8::2"
    assert row(flow(src="::ffff:10.0.1.7:4", dst="::ffff:10.0.2.9:0", flags=SYN), fields=SIX)["dst"] == "10.0.2.9"
    both = (*SIX, ("sourceIPv4Address", 4), ("destinationIPv4Address", 4))
    zeros = {"sourceIPv4Address": "0.0.0.0", "destinationIPv4Address": "0.0.0.0"}
    found = row(flow(src="2001:db8::1:4", dst="2001:db8::2:0", flags=SYN) | zeros, fields=both)
    assert (found["dst"], found["dst_port"]) == ("2001:db8::2", 0)


def test_icmp_errors_and_multicast_are_in_the_ledger():
    fields = (*DATED, ("icmpTypeCodeIPv4", 2))
    error, many = flow(protocol=1, icmpTypeCodeIPv4=0x0303), flow(protocol=17, dst="224.0.0.251:5353")
    flows, ledger, _, _ = observed(dated(error, many, flow(protocol=1, icmpTypeCodeIPv4=0x0800), fields=fields))
    assert ledger.packet_counts() == {"icmp_error": 1, "multicast": 1}
    assert only(flows)["protocol"] == "ICMP"
