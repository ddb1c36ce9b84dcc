"""NetObserv's flows: who began and what came of it by what nodes say of each direction, whoever wrote the file."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats import netobserv
from tests.collectors.formats.reads import seen, size
from tests.collectors.formats.samples import FOLDER

START = 1772359200000  # 2026-03-01T10:00:00Z
WEB = {"SrcK8S_Name": "web-1", "SrcK8S_Namespace": "shop", "SrcK8S_Type": "Pod", "SrcK8S_OwnerName": "web",
       "SrcK8S_OwnerType": "Deployment", "SrcK8S_HostName": "n1"}  # fmt: skip
XLAT = {
    "XlatDstAddr": "10.0.2.9",
    "XlatDstPort": 8080,
    "DstAddr": "172.30.4.4",
    "DstPort": 80,
    "DstK8S_Type": "Service",
}


def there(**others):
    """Return a flow of 10.0.1.7 -> 10.0.2.9; None takes a field away."""
    record = {
        "SrcAddr": "10.0.1.7", "DstAddr": "10.0.2.9", "SrcPort": 40112, "DstPort": 8080, "Proto": 6, "Etype": 2048,
        "Flags": ["SYN", "ACK"], "FlowDirection": 1, "Bytes": 640, "Packets": 6, "TimeFlowStartMs": START,
        "TimeFlowEndMs": START + 1000, "TimeReceived": 1772359202, "Sampling": 1, "AgentIP": "192.168.50.11",
    }  # fmt: skip
    return {name: value for name, value in {**record, **others}.items() if value is not None}


def back(**others):
    """Return a flow of the other direction."""
    ends = {"SrcAddr": "10.0.2.9", "DstAddr": "10.0.1.7", "SrcPort": 8080, "DstPort": 40112}
    return there(**{**ends, "Flags": ["SYN_ACK", "ACK"], "FlowDirection": 0, "Packets": 5, "Bytes": 4200, **others})


def conversation(kind, sent, answered, **others):
    totals = {"Packets_AB": sent, "Bytes_AB": sent * 100, "Packets_BA": answered, "Bytes_BA": answered * 200}
    record = {"_RecordType": kind, "_HashId": "a1", **totals, "Packets": sent + answered, **others}
    return there(**{"Flags": None, "Sampling": None, **record})


def of(*records, end="\n"):
    return seen(netobserv, end.join(map(json.dumps, records)).encode())


def counts(found):
    return [found.row[name] for name in ("connections", "packets", "reply_packets")]


def test_trap_5_a_sampled_flow_says_so_and_its_silence_proves_nothing():
    found = of(there(Flags=["SYN"], Sampling=50))
    assert found.row["sampled"] == pytest.approx(0.02)
    assert of(there(Sampling=0)).row["sampled"] == of(there(Sampling=1)).row["sampled"] == 1
    half = [there(Flags=["SYN"], Packets=3), back(Flags=["SYN_ACK"], Packets=3)]
    assert of(*half).row["outcome"] == "half_open"
    assert of(*(flow | {"Sampling": 50} for flow in half)).row["outcome"] == "established"


def test_trap_5_behind_a_service_the_pod_is_the_destination():
    found = of(there(**XLAT), back())
    assert (found.ends, found.verdict) == (("10.0.1.7", "10.0.2.9", 8080), ("handshake", "established"))
    assert (found.row["service_ip"], found.row["service_port"]) == ("172.30.4.4", 80)


def test_trap_5_a_service_without_translation_stays_the_destination():
    found = of(
        there(DstAddr="172.30.4.4", DstPort=80, DstK8S_Type="Service", DstK8S_Name="cart", DstK8S_Namespace="shop")
    )
    assert (found.ends, found.row["service_ip"], found.row["dst_pod"]) == (("10.0.1.7", "172.30.4.4", 80), None, None)
    assert len(found.claims) == 0


@pytest.mark.parametrize("nothing", [{"XlatDstAddr": "0.0.0.0"}, {"XlatDstPort": None}, {"XlatDstAddr": "10.0.2.9"}])
def test_a_translation_to_nowhere_is_none(nothing):
    found = of(there(**{"XlatDstAddr": "10.0.3.3", "XlatDstPort": 8080, **nothing}))
    assert (found.ends, found.row["service_ip"]) == (("10.0.1.7", "10.0.2.9", 8080), None)


def test_an_answer_that_is_translated_back_from_a_node_is_no_service():
    out = there(DstAddr="198.51.100.23", DstPort=443)
    masked = back(SrcAddr="198.51.100.23", SrcPort=443, DstAddr="192.168.50.11", DstPort=31234, DstK8S_Type="Node",
                  XlatDstAddr="10.0.1.7", XlatDstPort=40112)  # fmt: skip
    found = of(out, masked)
    assert (found.ends, found.row["service_ip"]) == (("10.0.1.7", "198.51.100.23", 443), None)


def test_trap_5_flow_direction_is_the_nodes_view_and_says_nothing_of_who_began():
    assert of(there(FlowDirection=0), back(FlowDirection=1)).ends == ("10.0.1.7", "10.0.2.9", 8080)
    assert of(there(Flags=["ACK"]), back(Flags=["ACK"])).verdict == ("unknown", "established")


@pytest.mark.parametrize(
    "other",
    [
        {"AgentIP": "192.168.50.12", "FlowDirection": 0},
        {"AgentIP": None, "FlowDirection": 0},
        {"Interface": "genev_sys"},
        {"Duplicate": True},
    ],
)
def test_trap_5_what_two_nodes_or_interfaces_saw_counts_once(other):
    again = {"AgentIP": None} if other.get("AgentIP", "") is None else {}
    flows = (there(FlowDirection=1, **again), back(FlowDirection=1, **again))
    assert counts(of(*flows, *({**flow, **other} for flow in flows))) == [1, 6, 5]


def test_later_flows_of_one_node_are_summed_whatever_interfaces_it_lists():
    later = {"TimeFlowStartMs": START + 5000, "TimeFlowEndMs": START + 6000, "Interfaces": ["eth0", "veth1"]}
    assert counts(of(there(Interfaces=["veth1"]), back(), there(**later), back(**later))) == [1, 12, 10]


@pytest.mark.parametrize(
    ("flags", "answer", "verdict"),
    [
        (["SYN", "ACK", "FIN_ACK"], ["SYN_ACK", "ACK"], ("handshake", "established")),
        (2 | 16, 0x100 | 16, ("handshake", "established")),
        ("18", "272", ("handshake", "established")),
        (["ACK"], ["SYN_ACK", "ACK"], ("handshake", "established")),
        (["SYN"], ["RST_ACK"], ("handshake", "refused")),
        (["SYN", "RST"], ["SYN_ACK"], ("handshake", "half_open")),
        (["SYN"], None, ("handshake", "unanswered")),
        (0, 0x100, ("handshake", "established")),
        (["SYN", "NEW_FLAG"], None, ("handshake", "unanswered")),
        ({"SYN": 1}, ["ACK"], ("unknown", "unknown")),
        ("x", True, ("unknown", "unknown")),
    ],
)
def test_flags_are_names_or_a_number(flags, answer, verdict):
    flows = [there(Flags=flags)] + ([] if answer is None else [back(Flags=answer)])
    assert of(*flows).verdict == verdict


def test_datagrams_have_no_flags():
    udp = {"Proto": 17, "Flags": None}
    found = of(there(**udp), back(**udp, TimeFlowStartMs=START + 1))
    assert found.verdict == ("paired", "established")
    assert of(there(**udp)).row["outcome"] == "unanswered"


def test_echo_is_asked_by_one_and_answered_by_the_other():
    icmp = {"Proto": 1, "Flags": None, "SrcPort": None, "DstPort": None}
    found = of(back(**icmp, IcmpType=0), there(**icmp, IcmpType=8))
    assert (found.ends, found.verdict) == (("10.0.1.7", "10.0.2.9", 0), ("reported", "established"))
    assert of(there(**icmp, IcmpType=3)).left_out == {"icmp_error": 1}
    assert of(there(**{**icmp, "Proto": 58}, IcmpType=135)).left_out == {"link_control": 1}


@pytest.mark.parametrize(
    ("others", "outcome"),
    [
        ({"NetworkEvents": [{"Feature": "acl", "Action": "drop", "Type": "NetworkPolicy"}]}, "denied"),
        ({"NetworkEvents": [{"Action": "allow-related"}, {"Action": "Drop"}]}, "denied"),
        ({"NetworkEvents": [{"Action": "allow-related"}], "Flags": None}, "allowed"),
        ({"NetworkEvents": ["a sentence", 1], "Flags": ["SYN"]}, "unanswered"),
        ({"PktDropPackets": 3, "PktDropLatestDropCause": "OVS_DROP_EXPLICIT"}, "denied"),
        ({"PktDropPackets": 3, "PktDropLatestDropCause": "SKB_DROP_REASON_NETFILTER_DROP"}, "denied"),
        ({"PktDropPackets": 1, "PktDropLatestDropCause": "SKB_DROP_REASON_NO_SOCKET"}, "refused"),
        ({"PktDropPackets": 1, "PktDropLatestDropCause": "SKB_DROP_REASON_TCP_CSUM"}, "unanswered"),
        ({"PktDropPackets": 0, "PktDropLatestDropCause": "OVS_DROP_EXPLICIT"}, "unanswered"),
    ],
)
def test_what_policies_and_the_kernel_did(others, outcome):
    assert of(there(**{"Flags": ["SYN"], **others})).row["outcome"] == outcome


def test_a_packet_that_was_dropped_does_not_undo_what_worked():
    late = there(PktDropPackets=1, PktDropLatestDropCause="OVS_DROP_EXPLICIT")
    assert of(there(), back(), late).row["outcome"] == "established"


def test_pods_are_claimed_and_other_ends_are_not():
    node = {"DstK8S_Type": "Node", "DstK8S_Name": "n2", "DstK8S_OwnerType": "Node", "DstK8S_OwnerName": "n2"}
    found = of(there(**WEB, **node))
    assert (found.row["src_namespace"], found.row["src_pod"], found.row["dst_pod"]) == ("shop", "web-1", None)
    (claim,) = found.claims.astype("object").to_dict("records")
    said = [claim[name] for name in ("address", "namespace", "pod", "workload_kind", "workload_name", "node")]
    assert said == ["10.0.1.7", "shop", "web-1", "Deployment", "web", "n1"]


def test_the_pod_behind_a_service_is_claimed_at_its_own_address():
    behind = {"XlatDstK8S_Name": "cart-1", "XlatDstK8S_Namespace": "shop", "XlatDstK8S_Type": "Pod"}
    found = of(there(**XLAT, **behind, DstK8S_Name="cart", DstK8S_Namespace="shop"))
    assert (found.row["dst_pod"], found.claims["address"].tolist()) == ("cart-1", ["10.0.2.9"])


def test_without_a_type_the_owner_tells_a_pod():
    plain = {name: value for name, value in WEB.items() if name != "SrcK8S_Type"}
    assert of(there(**plain)).row["src_pod"] == "web-1"
    assert of(there(**{**plain, "SrcK8S_OwnerType": "Service"})).row["src_pod"] is None


def test_a_pod_without_a_controller_has_no_workload():
    found = of(there(**{**WEB, "SrcK8S_OwnerType": "Pod", "SrcK8S_OwnerName": "web-1"}))
    assert found.claims["workload_kind"].isna().all()


@pytest.mark.parametrize(
    ("sent", "answered", "outcome"), [(9, 8, "established"), (3, 0, "unanswered"), (1, 1, "unknown")]
)
def test_a_conversation_is_begun_by_its_source(sent, answered, outcome):
    assert of(conversation("endConnection", sent, answered)).verdict == ("reported", outcome)


def test_a_conversation_that_looks_turned_round_says_nothing_of_who_began():
    turned = back(
        **conversation("endConnection", 9, 8, SrcAddr="10.0.2.9", DstAddr="10.0.1.7", SrcPort=443, DstPort=40112)
    )
    assert of({name: value for name, value in turned.items() if name != "Flags"}).verdict[0] == "unknown"


def test_what_is_not_ip_is_another_record():
    arp = there(Etype=2054, SrcAddr=None, DstAddr=None, Proto=None)
    assert of(arp, there(Etype=34525)).left_out == {"other_record": 1}


def test_what_leaves_out_an_end_is_incomplete_and_nonsense_is_malformed():
    found = of(there(SrcAddr=None), there(Proto=None), there(DstAddr="x"), there(DstPort=None), {}, [1], "x")
    assert found.left_out == {"incomplete": 3, "malformed": 4}


def test_numbers_may_be_texts_and_unknown_fields_are_read_over():
    texts = {name: str(value) for name, value in there(Flags=None).items() if isinstance(value, int)}
    found = of(there(**texts, Flags=["SYN"], New={"a": [1]}, IcmpType=None, NetworkEvents=None))
    assert (found.ends, found.row["packets"]) == (("10.0.1.7", "10.0.2.9", 8080), 6)


@pytest.mark.parametrize("time", [START, START // 1000, "2026-03-01T10:00:00Z", None])
def test_a_time_is_a_number_or_a_text_or_that_of_the_end(time):
    found = of(there(TimeFlowStartMs=time, TimeFlowEndMs=START))
    assert found.row["first_seen"].isoformat() == "2026-03-01T10:00:00+00:00"


def test_addresses_are_canonical_and_port_0_is_a_port():
    assert of(there(SrcAddr="2001:0DB8::1", DstAddr="::ffff:10.0.2.9", DstPort=0)).ends == (
        "2001:db8::1",
        "10.0.2.9",
        0,
    )


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[]", b"[\n]\n"])
def test_an_empty_log_has_no_rows(content):
    assert size(netobserv, content) == 0


@pytest.mark.parametrize(
    "head",
    [
        b"", b"\n", b"{}", b"[]", b"\xff\xfe", b'{"SrcAddr":"10.0.0.1"}', b"SrcAddr,DstAddr,TimeFlowEndMs\n",
        b'{"labels":{"app":"x"},"line":"hello","timestamp":"2026-03-01T10:00:00Z"}',
        b'{"flow":{"time":"2026-03-01T10:00:00Z","verdict":"FORWARDED","IP":{"source":"10.0.0.1"}}}\n',
        b'{"connection":{"src_ip":"10.4.1.3","dest_ip":"10.4.2.8"},"disposition":"allow"}\n',
        b"version account-id interface-id srcaddr dstaddr\n",
    ],
)  # fmt: skip
def test_what_is_not_of_netobserv_is_not_sniffed(head):
    assert not netobserv.sniff(head)


SAMPLES = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("netobserv*"))}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_sniffed(name):
    assert netobserv.sniff(SAMPLES[name][: 1 << 16])


@given(st.sampled_from(list(SAMPLES.values())), st.data())
def test_every_record_lands_once_wherever_the_file_is_cut(content, data):
    cut = content[: data.draw(st.integers(0, len(content)))]
    records = [line for line in cut.split(b"\n") if line.strip()]
    assert size(netobserv, cut) == len(records)


@given(st.lists(st.binary(max_size=60) | st.sampled_from(SAMPLES["netobserv.jsonl"].splitlines()), max_size=12))
def test_no_bytes_are_too_strange(some):
    content = b"\n".join(some)
    assert size(netobserv, content) <= len(content) + 1


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["10.0.0.1", "Pod", "drop"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["Action", "SYN"]), inner, max_size=2),
    max_leaves=4,
)


@given(st.lists(st.dictionaries(st.sampled_from(sorted(netobserv._FIELDS)), VALUES), max_size=4))
def test_no_value_is_too_strange(changes):
    content = "\n".join(json.dumps({**there(), **change}) for change in changes).encode()
    assert size(netobserv, content) == len(changes)
