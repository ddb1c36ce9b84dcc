"""Azure's flow logs: who began is told, what came of it by what was counted, by every interface that saw it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.formats import azure
from tests.collectors.formats.reads import seen, size
from tests.collectors.formats.samples import FOLDER
from tests.collectors.formats.test_azure_tuples import group, network

SECOND, MILLISECOND = "1772359200", "1772359200123"
ENDS = "10.224.0.15,10.224.0.44,41000,8080"
NOTHING = {"group": "", "network": "0"}


def tuple_of(layout, state, counted=None, ends=ENDS, protocol=None, decision="A", more="NX"):
    """Return a tuple; `counted` are packets and bytes sent, then received."""
    numbers = counted or [NOTHING[layout]] * 4
    time, name = (SECOND, "T") if layout == "group" else (MILLISECOND, "6")
    words = [decision, state] if layout == "group" else [state, more]
    return ",".join(map(str, [time, ends, protocol or name, "O", *words, *numbers]))


AROUND = {"group": group, "network": network}
layouts = pytest.mark.parametrize("layout", list(AROUND))


def of(layout, *tuples, **where):
    return read(AROUND[layout](*tuples, **where))


def read(*records):
    return seen(azure, json.dumps({"records": records}).encode())


def counts(found):
    names = ("connections", "packets", "bytes", "reply_packets", "reply_bytes")
    return [None if column.isna().all() else column.sum() for column in (found.flows[name] for name in names)]


@layouts
def test_trap_11_times_are_seconds_or_milliseconds_by_their_size(layout):
    begun = of(layout, tuple_of(layout, "B")).row["first_seen"].isoformat(timespec="milliseconds")
    assert begun == {"group": "2026-03-01T10:00:00.000+00:00", "network": "2026-03-01T10:00:00.123+00:00"}[layout]
    seconds = tuple_of("network", "B").replace(MILLISECOND, SECOND)
    assert of("network", seconds).row["first_seen"].isoformat() == "2026-03-01T10:00:00+00:00"


@layouts
def test_trap_11_counters_of_a_beginning_are_not_nought_but_unknown(layout):
    found = of(layout, tuple_of(layout, "B"))
    assert (found.verdict, counts(found)) == (("reported", "allowed"), [1, None, None, None, None])


def test_trap_11_a_denial_is_one_whatever_states_there_are():
    for denied in (
        of("network", tuple_of("network", "D")),
        of("network", tuple_of("network", "B", more="NX_NOT_ACCEPTED")),
        of("group", tuple_of("group", "B", decision="D")),
    ):
        assert (denied.verdict, counts(denied)) == (("reported", "denied"), [1, None, None, None, None])


def test_trap_11_tuples_of_all_rules_of_all_records_are_read():
    rules = [
        {"rule": name, "flows": [{"mac": mac, "flowTuples": [tuple_of("group", "B")]} for mac in "ab"]} for name in "xy"
    ]
    records = [{"properties": {"flows": rules}}, network(tuple_of("network", "B"))]
    assert read(*records).reading.records == 5


@layouts
def test_counters_are_since_the_tuple_before_and_are_summed(layout):
    found = of(
        layout,
        tuple_of(layout, "B"),
        tuple_of(layout, "C", (1021, 588096, 8005, 4610880)),
        tuple_of(layout, "E", (52, 29952, 47, 27072)),
    )
    assert counts(found) == [1, 1073, 618048, 8052, 4637952]
    assert set(found.flows["outcome"]) == {"established"}


@layouts
def test_what_both_interfaces_saw_counts_once(layout):
    tuples = [tuple_of(layout, "B"), tuple_of(layout, "E", (6, 640, 5, 4200))]
    around = AROUND[layout]
    assert counts(read(around(*tuples), around(*tuples, mac="0023"))) == [1, 6, 640, 5, 4200]


def test_what_two_lists_of_rules_judged_counts_once():
    tuples = [tuple_of("network", "B"), tuple_of("network", "E", (6, 640, 5, 4200))]
    assert counts(read(network(*tuples), network(*tuples, acl="b"))) == [1, 6, 640, 5, 4200]


@layouts
@pytest.mark.parametrize(
    ("counted", "outcome"),
    [
        ((3, 767, 2, 1580), "established"),
        ((1, 74, 1, 54), "refused"),
        ((3, 198, 3, 162), "refused"),
        ((2, 134, 1, 74), "half_open"),
        ((3, 222, 0, 0), "unanswered"),
        ((0, 0, 0, 0), "allowed"),
        (("", "", "", ""), "allowed"),
    ],
)
def test_what_was_counted_tells_what_became_of_a_whole_connection(layout, counted, outcome):
    assert of(layout, tuple_of(layout, "B"), tuple_of(layout, "E", counted)).verdict == ("reported", outcome)


@layouts
@pytest.mark.parametrize("tail", [(1, 54, 1, 54), (1, 54, 0, 0), (2, 108, 1, 54)])
def test_the_last_packets_of_a_longer_connection_are_no_failure(layout, tail):
    ended = tuple_of(layout, "E", tail)
    assert of(layout, ended).row["outcome"] == "allowed"
    long = of(layout, tuple_of(layout, "B"), tuple_of(layout, "C", (90, 9000, 80, 8000)), ended)
    assert long.row["outcome"] == "established"


@layouts
def test_datagrams_are_established_when_they_were_answered(layout):
    def sent(counted):
        protocol = {"group": "U", "network": "17"}[layout]
        return of(layout, *(tuple_of(layout, *how, protocol=protocol) for how in (("B",), ("E", counted)))).row

    assert (sent((1, 90, 1, 120))["outcome"], sent((1, 90, 1, 120))["protocol"]) == ("established", "UDP")
    assert sent((3, 270, 0, 0))["outcome"] == "unanswered"


def test_version_1_of_groups_has_neither_state_nor_counters():
    for decision, outcome in (("A", "allowed"), ("D", "denied")):
        old = f"{SECOND},{ENDS},T,I,{decision}"
        assert (of("group", old).verdict, of("group", old).left_out) == (("reported", outcome), {})


@layouts
def test_the_source_began_whatever_the_direction(layout):
    for direction in (",I,", ",O,"):
        found = of(layout, tuple_of(layout, "B").replace(",O,", direction))
        assert (found.ends, found.row["orientation"]) == (("10.224.0.15", "10.224.0.44", 8080), "reported")


@layouts
def test_a_tuple_that_looks_turned_round_says_nothing_of_who_began(layout):
    assert of(layout, tuple_of(layout, "B", ends="10.224.0.44,10.224.0.15,443,41000")).row["orientation"] == "unknown"


def test_trap_18_addresses_are_canonical_and_port_0_is_a_port():
    assert of("network", tuple_of("network", "B", ends="2001:0DB8::1,::ffff:10.0.2.9,0,0")).ends == (
        "2001:db8::1",
        "10.0.2.9",
        0,
    )


def test_other_words_and_records_without_tuples_are_other_records():
    strange = [tuple_of("network", "Z"), tuple_of("group", "B", decision="Z")]
    assert read(network(strange[0]), group(strange[1]), {}, network()).left_out == {"other_record": 4}


def test_what_leaves_out_an_end_is_incomplete_and_nonsense_is_malformed():
    parts = [tuple_of("network", "B", ends=ends) for ends in (",10.0.0.1,1,2", "10.0.0.1,-,1,2")]
    wrong = [
        "",
        "x",
        7,
        tuple_of("network", "B", ends="x,10.0.0.1,1,2"),
        tuple_of("network", "B", ends="10.0.0.1,10.0.0.2,1,x"),
    ]
    assert read(network(*parts, *wrong), 7).left_out == {"incomplete": 2, "malformed": 6}


@layouts
def test_every_container_says_the_same(layout):
    records = [AROUND[layout](tuple_of(layout, "B")), AROUND[layout](tuple_of(layout, "E", (6, 640, 5, 4200)))]
    plain = read(*records)
    document = {"records": records}
    for text in (
        json.dumps(document, indent=4),
        json.dumps(records),
        "\n".join(map(json.dumps, records)),
        "\n".join(json.dumps({"records": [record]}) for record in records),
    ):
        found = seen(azure, text.encode())
        assert azure.sniff(text.encode())
        assert (found.row, found.left_out) == (plain.row, {})


@pytest.mark.parametrize("category", ["FlowLogFlowEvent", "NetworkSecurityGroupFlowEvent"])
def test_a_record_is_known_by_its_category(category):
    assert azure.sniff(json.dumps({"records": [{"time": "x", "category": category, "operationName": "y"}]}).encode())


@pytest.mark.parametrize(
    "head",
    [
        b"", b"\n", b"{}", b"[]", b"\xff\xfe", b'{"records":[]}', b'{"records":[{"category":"Administrative"}]}',
        b'{"flowTuples":["1,2"]}', b'{"Records":[{"eventSource":"ec2.amazonaws.com"}]}',
    ],
)  # fmt: skip
def test_what_is_no_flow_log_is_not_sniffed(head):
    assert not azure.sniff(head)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[]", b'{"records":[]}', b'{"records": [\n]}\n'])
def test_an_empty_log_has_no_rows(content):
    assert size(azure, content) == 0


SAMPLES = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("azure-flow-log*"))}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_samples_are_sniffed(name):
    assert azure.sniff(SAMPLES[name][: 1 << 16])


@given(st.lists(st.lists(st.booleans(), max_size=4), max_size=4), st.sampled_from([None, 1]), st.data())
def test_every_tuple_lands_once_and_a_cut_costs_one_record(records, indent, data):
    made = [network(*(tuple_of("network", "B" if begun else "E") for begun in tuples)) for tuples in records]
    content = json.dumps({"records": made}, indent=indent).encode()
    ends = [max(1, len(tuples)) for tuples in records]
    assert size(azure, content) == sum(ends)
    cut = size(azure, content[: data.draw(st.integers(0, len(content) - 1))])
    assert cut in [sum(ends[:whole]) + over for whole in range(len(ends) + 1) for over in (0, 1)]


@given(st.sampled_from(list(SAMPLES.values())), st.data())
def test_a_sample_is_read_wherever_it_is_cut(content, data):
    assert size(azure, content[: data.draw(st.integers(0, len(content)))]) <= size(azure, content) + 1


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from(SAMPLES["azure-flow-log-lines.jsonl"].splitlines()), max_size=9)
)
def test_no_bytes_are_too_strange(some):
    content = b"\n".join(some)
    assert size(azure, content) <= len(content)
