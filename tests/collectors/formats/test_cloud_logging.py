"""Entries of Cloud Logging: one payload in three containers, and what its ends are claimed to be."""

import io
import json

import pytest

from collectors.formats.cloud_logging import claims_of, payload_of, read_entries
from collectors.formats.columns import Kind, Numbers, Texts

KINDS = {"connection.src_ip": Kind.TEXT, "count": Kind.NUMBER, "timestamp": Kind.TIME}
PAYLOAD = {"connection": {"src_ip": "10.0.1.7"}, "count": "3"}
TIMES = {"timestamp": "2026-03-01T10:00:00Z", "receiveTimestamp": "2026-03-01T10:00:09Z"}
ENTRY = {"insertId": "a", "jsonPayload": PAYLOAD, "resource": {"type": "k8s_node"}, **TIMES}
START = 1_772_359_200 * 10**9


def only(text):
    (entries,) = read_entries(io.BytesIO(text.encode()), KINDS)
    return entries


@pytest.mark.parametrize(
    "text",
    [json.dumps(ENTRY), json.dumps([ENTRY]), json.dumps([ENTRY], indent=2), json.dumps(PAYLOAD | TIMES)],
    ids=["line", "array", "pretty", "bare"],
)
def test_a_payload_says_the_same_in_every_container(text):
    entries = only(text)
    assert (len(entries), entries.text("connection.src_ip").at(0)) == (1, "10.0.1.7")
    assert (entries.number("count").values[0], entries.time.values[0]) == (3, START)


def test_an_entry_without_time_has_that_of_its_arrival():
    assert only(json.dumps(ENTRY | {"timestamp": None})).time.values[0] == START + 9 * 10**9


def test_the_entrys_own_keys_are_not_the_payloads():
    assert not only(json.dumps(ENTRY | {"count": 7, "jsonPayload": {}})).number("count").known[0]
    assert not only(json.dumps(ENTRY)).number("timestamp").known[0]


def test_the_outline_of_a_payload_is_without_its_entry():
    assert payload_of({"logName": "x", "jsonPayload": "", "jsonPayload.a.b": "1"}) == {"a.b": "1"}
    assert payload_of({"a.b": "1"}) == {"a.b": "1"}


def test_a_claim_has_a_namespace_and_a_pod_and_counts_once():
    time, address = Numbers.of([3, 4, 5, None]), Texts.of(["10.0.1.7", "10.0.1.7", "10.0.1.8", "10.0.1.9"])
    pods, none = Texts.of(["web-1", "web-1", None, "x"]), Texts.none(4)
    (claim,) = claims_of(time, address, [Texts.all("shop", 4), pods, none, none, none])
    assert (claim.time, claim.address, claim.namespace, claim.pod) == (3, "10.0.1.7", "shop", "web-1")
    assert (claim.workload_kind, claim.workload_name, claim.labels, claim.node) == ("", "", None, "")
