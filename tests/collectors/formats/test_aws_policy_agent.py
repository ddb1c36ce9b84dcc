"""The log of the AWS network policy agent: what policies made of a packet, in every text that its versions write."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats import aws_policy_agent as agent
from tests.collectors.formats.reads import seen, size
from tests.collectors.formats.samples import FOLDER

TIME = "2026-03-01T10:00:00.123Z"
ENDS = ("10.0.1.9", 41000, "10.0.2.8", 8080)


def sentence(src="10.0.1.9", sport=41000, dst="10.0.2.8", dport=8080, verdict="ACCEPT", proto="TCP", colon="", rest=""):
    flow = f"Src IP: {src} Src Port: {sport} Dest IP: {dst} Dest Port: {dport} Proto{colon} {proto}"
    return f"Flow Info: {flow} Verdict{colon} {verdict}{rest}"


def line(**how):
    return {"level": "debug", "ts": TIME, "caller": "runtime/asm_amd64.s:1700", "msg": sentence(**how)}


def keys(verdict="ACCEPT", **others):
    return {
        "level": "info", "ts": TIME, "logger": "ebpf-client", "msg": "Flow Info:  ", "Src IP": "10.0.1.9",
        "Src Port": 41000, "Dest IP": "10.0.2.8", "Dest Port": 8080, "Proto": "TCP", "Verdict": verdict, **others,
    }  # fmt: skip


def event(src="10.0.1.9", sport=41000, dst="10.0.2.8", dport=8080, verdict="ACCEPT", proto="TCP", rest=""):
    ends = f"SIP: {src};SPORT: {sport};DIP: {dst};DPORT: {dport}"
    return f"Node: n1;{ends};PROTOCOL: {proto};PolicyVerdict: {verdict}{rest}"


def of(*records):
    """Return what comes of lines: objects as JSON, texts as they are."""
    return seen(agent, "\n".join(one if isinstance(one, str) else json.dumps(one) for one in records).encode())


@pytest.mark.parametrize(
    "record",
    [
        line(), line(rest=" Direction egress"), line(rest=" Direction egress, Tier NETWORK_POLICY"),
        line(colon=":", rest=" Direction: ingress Tier: ADMIN"), keys(), keys(**{"Src Port": "41000"}),
        f"{TIME} {event()}", f"2026-03-01T12:00:00.123+02:00   {event(rest=';Tier: NETWORK_POLICY')}",
        f"{TIME} aws-network-policy-agent-audit-0000 {event()}", {"timestamp": 1772359200123, "message": event()},
    ],
)  # fmt: skip
def test_trap_8_every_text_says_the_same(record):
    found = of(record)
    assert (found.ends, found.verdict) == (("10.0.1.9", "10.0.2.8", 8080), ("reported", "allowed"))
    assert found.row["first_seen"].isoformat() == "2026-03-01T10:00:00.123000+00:00"


@pytest.mark.parametrize(
    "record", [line(src="fd00::9", dst="fd00::8", colon=":"), f"{TIME} {event('fd00::9', 1, 'fd00::8')}"]
)
def test_trap_8_ipv6_is_written_with_more_colons(record):
    assert of(record).ends[:2] == ("fd00::9", "fd00::8")


def test_trap_8_nothing_says_whose_pods_these_are():
    found = of(line())
    assert len(found.claims) == 0
    assert found.flows[["src_pod", "dst_pod", "src_namespace", "packets"]].isna().all(axis=None)


@pytest.mark.parametrize("write", [line, keys, lambda verdict: f"{TIME} {event(verdict=verdict)}"])
def test_accept_is_allowed_and_not_worked(write):
    assert of(write(verdict="ACCEPT")).row["outcome"] == "allowed"
    assert of(write(verdict="DENY")).row["outcome"] == "denied"


def test_what_expired_is_no_verdict():
    assert of(line(verdict="EXPIRED/DELETED"), keys("EXPIRED/DELETED")).left_out == {"other_record": 2}


def test_an_answer_that_is_judged_does_not_say_who_began():
    answer = {"src": "10.0.2.8", "sport": 8080, "dst": "10.0.1.9", "dport": 41000}
    assert of(line(**answer)).verdict[0] == "unknown"
    assert of(line(), line(**answer)).ends == ("10.0.1.9", "10.0.2.8", 8080)
    assert of(line(), line(**answer, verdict="DENY")).verdict == ("reported", "denied")


def test_a_client_with_a_port_of_its_own_choice_is_believed():
    assert of(line(sport=1024, dport=2049)).verdict[0] == "reported"


def test_what_is_tried_again_and_seen_at_both_ends_counts_once():
    found = of(line(rest=" Direction egress"), line(rest=" Direction ingress"), line(rest=" Direction ingress"))
    assert (found.row["connections"], found.reading.records) == (1, 3)


def test_a_protocol_that_is_not_told_is_incomplete():
    assert of(line(proto="UNKNOWN")).left_out == {"incomplete": 1}
    assert of(line(proto="ICMP", sport=0, dport=0)).row["protocol"] == "ICMP"


def test_other_lines_of_the_agent_are_other_records():
    found = of(
        {"level": "info", "ts": TIME, "msg": "Starting network policy agent"}, {"ts": TIME}, line(), {"msg": None}
    )
    assert (found.left_out, found.ends[2]) == ({"other_record": 3}, 8080)


def test_what_the_agent_could_not_read_is_a_loss():
    found = of(line(), {"level": "error", "ts": TIME, "msg": "Failed to read from Ring buf: short sample 8"})
    (loss,) = found.reading.losses
    assert (found.left_out, loss.lost, loss.start) == ({"gap": 1}, 1, 1772359200123000000)


def test_flows_that_say_too_little_are_malformed():
    found = of(
        line(),
        {**line(), "ts": None},
        line(dport=70000),
        line(src="x"),
        "nonsense",
        {"ts": TIME, "msg": "Flow Info:  "},
    )
    assert found.left_out == {"malformed": 5}
    assert of(f"{TIME} {event()}", event(), "what").left_out == {"malformed": 2}


def test_unknown_keys_and_ipv4_mapped_addresses_and_port_0_are_taken():
    assert of({**keys(), "Src IP": "::ffff:10.0.1.9", "Dest Port": 0, "new": [1]}).ends == ("10.0.1.9", "10.0.2.8", 0)


def test_a_message_without_end_is_not_searched():
    assert of({**line(), "message": "Node: " * 100_000 + "PolicyVerdict:"}).left_out == {"malformed": 1}


@pytest.mark.parametrize("indent", [None, 2])
def test_events_of_cloudwatch_are_read(indent):
    events = [{"timestamp": 1772359200123, "message": event(), "eventId": "1"}, {"timestamp": 1}]
    content = json.dumps({"events": events}, indent=indent).encode()
    found = seen(agent, content)
    assert agent.sniff(content)
    assert (found.left_out, found.ends[2]) == ({"other_record": 1}, 8080)


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_an_empty_log_has_no_rows(content):
    assert size(agent, content) == 0


@pytest.mark.parametrize(
    "head",
    [
        b"", b"\n", b"{}", b"[]", b"\xff\xfe", b"Flow Info: Src IP", b'{"msg":"hello","ts":"2026-03-01T10:00:00Z"}\n',
        b'{"message":"hello","timestamp":1}\n', b'{"events":[{"message":"2 123 eni-0a 10.0.0.1 10.0.0.2 1 2 6"}]}',
        b"version account-id interface-id srcaddr dstaddr\n", b'{"SrcAddr":"10.0.0.1","DstAddr":"10.0.0.2"}\n',
        b'{"flow":{"time":"2026-03-01T10:00:00Z","verdict":"FORWARDED"}}\n',
    ],
)  # fmt: skip
def test_what_is_not_of_the_agent_is_not_sniffed(head):
    assert not agent.sniff(head)


SAMPLES = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("aws-network-policy-agent*"))}
LINES = [content for name, content in SAMPLES.items() if name.endswith(".log")]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_sniffed(name):
    assert agent.sniff(SAMPLES[name])


@given(st.sampled_from(LINES), st.data())
def test_every_record_lands_once_wherever_the_file_is_cut(content, data):
    cut = content[: data.draw(st.integers(0, len(content)))]
    assert size(agent, cut) == sum(bool(part.strip()) for part in cut.split(b"\n"))


@given(st.lists(st.binary(max_size=60) | st.sampled_from(LINES[0].splitlines() + LINES[1].splitlines()), max_size=12))
def test_no_bytes_are_too_strange(some):
    content = b"\n".join(some)
    assert size(agent, content) <= 2 * len(content) + 1
