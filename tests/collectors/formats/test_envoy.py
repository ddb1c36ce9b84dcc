"""Envoy and Istio access logs: which connection is on the wire, in and out of a sidecar, at a gateway, in ambient."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import UnreadableInput
from collectors.formats import envoy
from tests.collectors.formats.hands import only
from tests.collectors.formats.observing import observed, records_in, records_read

SAMPLE = (Path(__file__).parents[3] / "sample_captures" / "logs" / "envoy.jsonl").read_bytes()
TEXT = b'[2022-04-01T03:23:12.736Z] "GET /get HTTP/1.1" 200 - via_upstream - "-" 0 605 4 3 "-" "curl" "x" "web:80"\n'
CART = "outbound|80||cart.shop.svc.cluster.local"


def outbound(**more):
    """Return a request as the sidecar of its client logs it."""
    return {
        "start_time": "2026-03-01T10:00:00.123Z", "method": "GET", "protocol": "HTTP/1.1", "response_code": 200,
        "response_flags": "-", "response_code_details": "via_upstream", "bytes_received": 0, "bytes_sent": 900,
        "duration": 1500, "upstream_host": "10.0.2.9:8080", "upstream_cluster": CART,
        "upstream_local_address": "10.0.1.7:35086", "downstream_local_address": "10.96.3.3:80",
        "downstream_remote_address": "10.0.1.7:41000", "requested_server_name": None, "authority": "cart", **more,
    }  # fmt: skip


def inbound(**more):
    """Return the same request as the sidecar of the server logs it."""
    return outbound(
        upstream_cluster="inbound|8080||", upstream_local_address="127.0.0.6:52027",
        downstream_local_address="10.0.2.9:8080", downstream_remote_address="10.0.1.7:35086",
        requested_server_name="outbound_.80_._.cart.shop.svc.cluster.local", **more,
    )  # fmt: skip


UNSENT = {"upstream_host": None, "upstream_local_address": None}
"""What a request has that went nowhere."""
GATEWAY = {"downstream_remote_address": "203.0.113.7:61000", "downstream_local_address": "10.0.1.7:8443"}
REFERENCE = {
    "start_time": "2026-03-01T10:00:00Z", "method": "GET", "response_code": 200, "response_flags": "-",
    "bytes_received": 0, "bytes_sent": 900, "duration": 12, "upstream_host": "10.0.2.9:8080", "upstream_cluster": CART,
    "downstream_local_address": "10.96.3.3:80", "downstream_remote_address": "10.0.1.7:41000",
}  # fmt: skip


def row(*documents):
    return only(observed(envoy, documents).flows)


@pytest.mark.parametrize(
    "document",
    [
        outbound(),
        REFERENCE,
        outbound(response_code="200", duration="1500", bytes_sent="900", start_time="1772359200123"),
        outbound(upstream_host="[::ffff:10.0.2.9]:8080", user_agent="x", new={"a": []}),
    ],
)
def test_trap_15_a_client_reaches_the_endpoint_and_the_cluster_names_the_service_port(document):
    found = row(document)
    assert (found["src"], found["dst"], found["dst_port"]) == ("10.0.1.7", "10.0.2.9", 8080)
    assert (found["service_ip"], found["service_port"]) == ("10.96.3.3", 80)
    assert (found["orientation"], found["outcome"]) == ("reported", "established")
    assert found["first_seen"].isoformat()[:19] == "2026-03-01T10:00:00"


def test_a_request_lasts_from_its_start_for_its_duration():
    assert row(outbound())["last_seen"].isoformat() == "2026-03-01T10:00:01.623000+00:00"


def test_a_server_is_reached_at_its_own_address_and_port():
    found = row(inbound())
    assert (found["src"], found["dst"], found["dst_port"]) == ("10.0.1.7", "10.0.2.9", 8080)
    assert str(found["service_ip"]) == "nan"
    assert (found["orientation"], found["outcome"]) == ("reported", "established")


def test_both_sidecars_saw_one_connection():
    assert row(outbound(), inbound())["connections"] == 1


def test_requests_of_one_connection_are_one_and_of_two_are_two():
    assert row(outbound(), outbound(start_time="2026-03-01T10:00:05Z"))["connections"] == 1
    assert row(outbound(), outbound(upstream_local_address="10.0.1.7:35088"))["connections"] == 2


def test_bytes_of_bodies_are_no_bytes_of_the_network():
    found = row(outbound())
    assert (found["bytes"], found["packets"]) == (None, None)


def test_trap_15_ipv6_stands_in_brackets():
    found = row(
        outbound(
            upstream_host="[fd00::9]:8080",
            upstream_local_address="[fd00::7]:1",
            downstream_remote_address="[fd00::7]:2",
        )
    )
    assert (found["src"], found["dst"], found["dst_port"]) == ("fd00::7", "fd00::9", 8080)


@pytest.mark.parametrize("nothing", [None, "-", ""])
def test_trap_15_a_request_that_was_sent_nowhere_is_incomplete_and_shown(nothing):
    document = outbound(
        upstream_host=nothing, upstream_local_address=nothing, upstream_cluster=nothing, response_flags="NR"
    )
    seen = observed(envoy, [document])
    assert seen.left_out == {"incomplete": 1}
    assert seen.samples == ["10.0.1.7:41000 -> 10.96.3.3:80"]


def test_trap_15_an_internal_listener_of_ambient_mode_is_no_address():
    document = outbound(
        upstream_host="envoy://connect_originate/10.0.2.9:8080",
        upstream_local_address="envoy://internal_client_address/",
    )
    seen = observed(envoy, [document])
    assert seen.left_out == {"incomplete": 1}
    assert "envoy://connect_originate/10.0.2.9:8080" in seen.samples[0]


@pytest.mark.parametrize("port", [15001, 15006])
def test_trap_15_the_proxys_own_port_is_not_what_a_policy_sees(port):
    document = inbound() | {"downstream_local_address": f"10.0.2.9:{port}"}
    assert observed(envoy, [document]).left_out == {"incomplete": 1}


def test_the_port_of_hbone_is_on_the_wire():
    assert row(inbound() | {"downstream_local_address": "10.0.2.9:15008"})["dst_port"] == 15008


def test_a_gateway_is_the_source_of_what_it_sends_on():
    found = row(outbound(**GATEWAY))
    assert (found["src"], found["dst"], found["dst_port"]) == ("10.0.1.7", "10.0.2.9", 8080)
    assert str(found["service_ip"]) == "nan"


def test_a_gateway_that_does_not_say_its_own_address_is_not_its_client():
    document = outbound(**GATEWAY, upstream_local_address=None)
    assert observed(envoy, [document]).left_out == {"incomplete": 1}


def test_a_headless_service_is_not_translated():
    assert str(row(outbound(downstream_local_address="10.0.2.9:80"))["service_ip"]) == "nan"


@pytest.mark.parametrize(
    ("document", "outcome"),
    [
        (outbound(response_code=404), "established"),
        (outbound(response_flags="DC", response_code=0), "established"),
        (outbound(response_flags="UT", response_code=504), "established"),
        (outbound(method=None, protocol=None, response_code=0, response_code_details=None), "established"),
        (REFERENCE | {"response_code": 0}, "established"),
        (REFERENCE | {"response_code": 0, "bytes_sent": 0}, "unanswered"),
        (outbound(response_flags="UF,URX", response_code=503, upstream_local_address=None), "refused"),
        (outbound(response_flags="UF", response_code_details="reset{connection_timeout}"), "unanswered"),
        (outbound(response_flags="UF", upstream_transport_failure_reason="delayed_connect_error:_111"), "refused"),
        (inbound(response_flags="UF", response_code=503), "refused"),
        (inbound(response_flags="RL", response_code=429), "established"),
        (inbound(response_flags="UAEX", response_code=403), "denied"),
        (inbound() | {"response_code_details": "rbac_access_denied_matched_policy[none]"}, "denied"),
        (inbound() | {"connection_termination_details": "rbac_access_denied_matched_policy[none]"}, "denied"),
        (inbound() | {"upstream_host": None}, "established"),
    ],
)
def test_an_outcome_is_what_flags_and_details_say(document, outcome):
    assert row(document)["outcome"] == outcome


def test_a_destination_outside_the_registry_is_denied_where_it_was_asked_for():
    found = row(outbound(**UNSENT, upstream_cluster="BlackHoleCluster", downstream_local_address="203.0.113.9:443"))
    assert (found["src"], found["dst"], found["dst_port"]) == ("10.0.1.7", "203.0.113.9", 443)
    assert found["outcome"] == "denied"


def test_http_3_comes_in_over_udp():
    assert row(inbound() | {"protocol": "HTTP/3"})["protocol"] == "UDP"
    assert row(outbound(protocol="HTTP/3"))["protocol"] == "TCP"


OUTSIDE = {"upstream_host": "198.51.100.23:443", "downstream_local_address": "198.51.100.23:443"}


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"upstream_cluster": "outbound|443||api.payments.example"}, ["api.payments.example"]),
        ({"upstream_cluster": "PassthroughCluster", "requested_server_name": "a.example"}, ["a.example"]),
        ({"upstream_cluster": "PassthroughCluster", "authority": "b.example:8443"}, ["b.example"]),
        ({"upstream_cluster": "PassthroughCluster", "authority": None, ":authority": "c.example"}, ["c.example"]),
        ({"upstream_cluster": "PassthroughCluster", "authority": "198.51.100.23:443"}, []),
        ({"upstream_cluster": "PassthroughCluster", "authority": "[2001:db8::1]:443"}, []),
        ({"upstream_cluster": "outbound|443||*.example"}, []),
        ({"upstream_cluster": CART}, []),
    ],
)
def test_a_destination_outside_is_called_what_was_asked_for(more, names):
    seen = observed(envoy, [outbound(**OUTSIDE, **more)])
    assert list(seen.names["name"]) == names
    assert list(seen.flows["dst"]) == ["198.51.100.23"]


def test_addresses_that_a_header_claims_are_not_the_source():
    assert row(outbound(x_forwarded_for="192.0.2.55"))["src"] == "10.0.1.7"


def test_what_the_proxy_says_of_itself_is_another_record():
    assert observed(envoy, [{"level": "info", "time": "2026-03-01T10:00:00Z", "msg": "ready"}]).left_out == {
        "other_record": 1
    }
    seen = observed(envoy, b"2026-03-01T10:00:00Z\tinfo\tready\n" + json.dumps(outbound()).encode())
    assert (len(seen.flows), seen.left_out) == (1, {"malformed": 1})


def test_a_log_that_begins_with_words_of_the_proxy_is_known_by_its_first_request():
    assert envoy.sniff(b"2026-03-01T10:00:00Z\tinfo\tready\n" + json.dumps(outbound()).encode())


def test_the_text_form_is_refused_with_what_to_do():
    assert envoy.sniff(TEXT)
    with pytest.raises(UnreadableInput, match="accessLogEncoding"):
        observed(envoy, TEXT)


@pytest.mark.parametrize("head", [b"", b"{", b"[", b"\xff\x00", b'{"upstream_host":"a"}', b"[2026] x\n"])
def test_what_is_no_access_log_is_refused(head):
    assert not envoy.sniff(head)


@pytest.mark.parametrize("document", [outbound(upstream_host="10.0.2.9"), outbound(upstream_host="/run/a.sock")])
def test_an_address_without_a_port_is_incomplete(document):
    assert observed(envoy, [document]).left_out == {"incomplete": 1}


def test_garbage_is_counted():
    assert observed(envoy, b"x\n{\n\n").left_out == {"malformed": 2}
    assert observed(envoy, b"").flows.empty
    assert observed(envoy, [outbound(upstream_host="10.0.2.9:99999")]).left_out == {"malformed": 1}
    assert row(outbound(upstream_host="10.0.2.9:0"))["dst_port"] == 0


def test_the_sample_shows_every_outcome_that_the_log_can():
    assert set(observed(envoy, SAMPLE).flows["outcome"]) == {"established", "denied", "refused", "unanswered"}


@given(st.floats(0, 1))
def test_every_record_is_counted_wherever_the_file_is_cut(share):
    cut = SAMPLE[: int(len(SAMPLE) * share)]
    assert records_read(envoy, cut) == records_in(cut)


@given(
    st.binary(max_size=300), st.sampled_from(["upstream_host", "upstream_cluster", "authority", "duration"]), st.text()
)
def test_no_content_raises(garbage, name, text):
    content = json.dumps(outbound(**{name: text})).encode() + b"\n" + garbage
    assert records_read(envoy, content) == records_in(content)
