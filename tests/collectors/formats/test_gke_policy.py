"""GKE's network policy log: decisions that both nodes write of count once, and none says that it worked."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats import gke_policy
from tests.collectors.formats.observing import records_in
from tests.collectors.formats.reads import seen, size
from tests.collectors.formats.samples import FOLDER

START = "2026-03-01T10:00:00.5Z"
WEB = {"pod_name": "web-1", "pod_namespace": "shop", "workload_kind": "Deployment", "workload_name": "web"}
CART = {"pod_name": "cart-1", "pod_namespace": "shop"}


def decision(connection=None, **others):
    """Return a payload of 10.4.1.3 -> 10.4.2.8; None takes a field away."""
    ends = {"src_ip": "10.4.1.3", "dest_ip": "10.4.2.8", "src_port": 51000, "dest_port": 8080, "protocol": "tcp"}
    payload = {
        "connection": without_none({**ends, "direction": "ingress", **(connection or {})}), "disposition": "allow",
        "policies": [{"name": "np", "namespace": "shop"}], "src": WEB, "dest": CART, "count": 1, "node_name": "n1",
        "timestamp": START, **others,
    }  # fmt: skip
    return without_none(payload)


def without_none(fields):
    return {name: value for name, value in fields.items() if value is not None}


def of(*records):
    return seen(gke_policy, "\n".join(map(json.dumps, records)).encode())


def test_trap_9_both_keys_of_a_namespace_are_read():
    older = [{"pod_name": name, "namespace": "shop"} for name in ("web-1", "cart-1")]
    for found in (of(decision()), of(decision(src=older[0], dest=older[1]))):
        claimed = [found.row[name] for name in ("src_namespace", "src_pod", "dst_namespace", "dst_pod")]
        assert claimed == ["shop", "web-1", "shop", "cart-1"]
        assert list(found.claims["namespace"]) == ["shop", "shop"]


@pytest.mark.parametrize(("count", "connections"), [(5, 5), ("5", 5), (None, 1), (0, 1), (-2, 1)])
def test_trap_9_a_denial_stands_for_as_many_attempts_as_it_counts(count, connections):
    found = of(decision(disposition="deny", count=count, policies=None))
    assert (found.verdict, found.row["connections"]) == (("reported", "denied"), connections)


def test_a_connection_that_was_allowed_is_not_known_to_work():
    found = of(decision())
    assert (found.ends, found.verdict) == (("10.4.1.3", "10.4.2.8", 8080), ("reported", "allowed"))
    assert found.row["first_seen"].isoformat() == "2026-03-01T10:00:00.500000+00:00"


def test_what_both_nodes_allowed_counts_once():
    both = [
        decision({"direction": direction}, node_name=node) for direction, node in (("egress", "n0"), ("ingress", "n1"))
    ]
    assert of(*both).row["connections"] == 1


def test_what_one_node_allowed_and_the_other_denied_is_denied():
    assert of(decision({"direction": "egress"}), decision(disposition="deny")).verdict == ("reported", "denied")


def test_a_decision_on_what_looks_like_an_answer_says_nothing_of_who_began():
    late = decision({"src_ip": "10.4.2.8", "dest_ip": "10.4.1.3", "src_port": 8080, "dest_port": 51000})
    assert of(late).row["orientation"] == "unknown"
    assert of(late, decision()).ends == ("10.4.1.3", "10.4.2.8", 8080)


def test_a_claim_has_the_workload_and_the_node_of_the_end_that_writes():
    claims = of(decision()).claims.astype("object").where(lambda frame: frame.notna(), None).set_index("pod")
    said = ["address", "workload_kind", "workload_name", "node"]
    assert claims.loc["web-1", said].tolist() == ["10.4.1.3", "Deployment", "web", None]
    assert claims.loc["cart-1", said].tolist() == ["10.4.2.8", None, None, "n1"]


def test_an_instance_is_no_pod():
    found = of(decision({"dest_ip": "192.168.50.11"}, dest={"instance": "n1"}))
    assert found.row["dst_pod"] is None
    assert list(found.claims["pod"]) == ["web-1"]


@pytest.mark.parametrize(("protocol", "name"), [("udp", "UDP"), ("sctp", "SCTP"), ("TCP", "TCP")])
def test_each_protocol_has_its_name(protocol, name):
    assert of(decision({"protocol": protocol})).row["protocol"] == name


@pytest.mark.parametrize(("source", "name"), [("10.4.1.3", "ICMP"), ("fd00::3", "ICMPv6")])
def test_icmp_has_no_ports(source, name):
    found = of(decision({"protocol": "icmp", "src_ip": source, "dest_ip": source[:-1] + "4", "src_port": None,
                         "dest_port": None}))  # fmt: skip
    assert (found.row["protocol"], found.row["dst_port"]) == (name, 0)


def test_trap_18_addresses_are_canonical_and_port_0_is_a_port():
    ends = {"src_ip": "2001:0DB8::1", "dest_ip": "::ffff:10.4.2.8", "dest_port": "0"}
    assert of(decision(ends)).ends == ("2001:db8::1", "10.4.2.8", 0)


def test_entries_of_other_logs_are_other_records():
    others = [{"textPayload": "hello"}, {"jsonPayload": {"MESSAGE": "x"}}, decision(disposition="ALLOWED")]
    assert of(*others).left_out == {"other_record": 3}


def test_what_leaves_out_an_end_is_incomplete_and_nonsense_is_malformed():
    parts = [decision({name: None}) for name in ("src_ip", "dest_ip", "protocol")]
    wrong = [decision({"src_ip": "x"}), decision({"dest_port": None}), decision(timestamp=None), [1], "x", 7]
    assert of(*parts, *wrong).left_out == {"incomplete": 3, "malformed": 6}


def test_unknown_fields_nulls_and_other_types_are_read_over():
    odd = decision({"new": {"a": [1]}}, policies=None, count=[1], node_name=7, dest=None)
    assert of({**odd, "src": {"pod_name": ["x"], "new": 1}}).row["src_pod"] is None


def entry(payload):
    payload, time = dict(payload), payload["timestamp"]
    del payload["timestamp"]
    return {"insertId": "a", "jsonPayload": payload, "logName": "projects/p/logs/policy-action", "timestamp": time}


def test_every_container_says_the_same():
    entries = [entry(decision()), entry(decision(disposition="deny"))]
    plain = of(decision(), decision(disposition="deny"))
    for text in ("\n".join(map(json.dumps, entries)), json.dumps(entries), json.dumps(entries, indent=2)):
        found = seen(gke_policy, text.encode())
        assert gke_policy.sniff(text.encode())
        assert (found.row, found.left_out) == (plain.row, {})
        assert found.claims.equals(plain.claims)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[]", b"[\n]\n"])
def test_an_empty_log_has_no_rows(content):
    assert size(gke_policy, content) == 0


def test_other_logs_with_connections_are_not_sniffed():
    firewall = {"connection": {"src_ip": "10.4.1.3", "dest_ip": "10.4.2.8", "protocol": 6}, "disposition": "ALLOWED",
                "rule_details": {"direction": "INGRESS"}}  # fmt: skip
    for other in (firewall, {"jsonPayload": firewall}, decision() | {"disposition": "ALLOWED"}, {}, []):
        assert not gke_policy.sniff(json.dumps(other).encode())
    assert not any(map(gke_policy.sniff, (b"", b"\n", b"\xff\xfe", b"disposition allow")))


SAMPLES = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("gke-policy-log*"))}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_sniffed(name):
    assert gke_policy.sniff(SAMPLES[name][: 1 << 16])


@given(st.sampled_from(list(SAMPLES.values())), st.data())
def test_every_record_lands_once_wherever_the_file_is_cut(content, data):
    cut = content[: data.draw(st.integers(0, len(content)))]
    assert size(gke_policy, cut) == records_in(cut)


@given(st.lists(st.binary(max_size=60) | st.sampled_from(SAMPLES["gke-policy-log.jsonl"].splitlines()), max_size=12))
def test_no_bytes_are_too_strange(some):
    content = b"\n".join(some)
    assert size(gke_policy, content) == records_in(content)
