"""Any log of connections: what a mapping names is read from CSV, JSON and Parquet alike, and nothing is guessed."""

import csv
import io
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from collectors.capture.names import NameReader
from collectors.claims import ClaimTable
from collectors.errors import UnreadableInput
from collectors.formats import generic
from collectors.formats.fold import Fold
from collectors.formats.mapping import columns_mapping, document_mapping
from collectors.formats.reading import read_log
from collectors.ledger import LedgerWriter
from tests.collectors.formats.hands import only

LOGS = Path(__file__).parents[3] / "sample_captures" / "logs"
SAMPLE = (LOGS / "generic.csv").read_bytes()
SAMPLES = document_mapping(yaml.safe_load((LOGS / "generic.yaml").read_text(encoding="utf-8")))
FIELDS = {
    "time": "When", "src": "From", "src_port": "From Port", "dst": "To", "dst_port": "To Port", "protocol": "L4",
    "packets": "Out", "bytes": "Out Bytes", "reply_packets": "In", "reply_bytes": "In Bytes",
}  # fmt: skip
ONE = {
    "When": "2026-03-01T10:00:00.1Z", "From": "10.0.1.7", "From Port": 41000, "To": "10.0.2.9", "To Port": 8080,
    "L4": "tcp", "Out": 6, "Out Bytes": 512, "In": 5, "In Bytes": 1160,
}  # fmt: skip


def mapping(extra=(), **settings):
    return document_mapping({"columns": {**FIELDS, **dict(extra)}, **settings})


def as_csv(records, separator=","):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    names = list(dict.fromkeys(name for record in records for name in record))
    writer.writerow(names)
    writer.writerows([["" if record.get(name) is None else record[name] for name in names] for record in records])
    return out.getvalue().encode()


def as_lines(records):
    return b"\n".join(json.dumps(record).encode() for record in records)


def as_array(records):
    return json.dumps(records, indent=2).encode()


def as_parquet(records):
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), out)
    return out.getvalue()


SHAPES = pytest.mark.parametrize("shape", [as_csv, as_lines, as_array, as_parquet])


def observed(content, how=None):
    """Return flows, ledger, reading and claims of a file."""
    fold, ledger, claims = Fold(), LedgerWriter(), ClaimTable()
    form = generic.Mapped(mapping() if how is None else how)
    reading = read_log(form, io.BytesIO(content), "log", fold, ledger, NameReader(), claims)
    return fold.finish(), ledger.ledger(), reading, claims.finish("log")


def row(content, how=None):
    return only(observed(content, how)[0])


@SHAPES
def test_every_shape_says_the_same(shape):
    found = row(shape([ONE]))
    assert (found["src"], found["dst"], found["dst_port"], found["protocol"]) == ("10.0.1.7", "10.0.2.9", 8080, "TCP")
    assert found["first_seen"] == found["last_seen"] == pd.Timestamp(ONE["When"])
    assert [found[name] for name in ("packets", "bytes", "reply_packets", "reply_bytes", "sampled")] == [
        6,
        512,
        5,
        1160,
        1,
    ]


@SHAPES
@pytest.mark.parametrize("time", ["2026-03-01 10:00:00.1", "1772359200.1", "1772359200100", "1772359200100000000"])
def test_times_are_of_any_style(shape, time):
    assert row(shape([ONE | {"When": time}]))["first_seen"] == pd.Timestamp(ONE["When"])


@SHAPES
def test_nulls_and_unknown_columns_are_no_matter(shape):
    records = [ONE | {"Other": "x"}, ONE | {"To": "10.0.2.10", "From Port": None, "Out": None}]
    found = observed(shape(records))[0]
    assert len(found) == 2
    assert found["packets"].isna().sum() == 1


@SHAPES
def test_trap_18_addresses_are_canonical_and_port_zero_is_a_port(shape):
    found = row(shape([ONE | {"From": "2001:DB8::0:1", "To": "::ffff:10.0.2.9", "To Port": 0}]))
    assert (found["src"], found["dst"], found["dst_port"]) == ("2001:db8::1", "10.0.2.9", 0)


@SHAPES
def test_a_record_that_lacks_what_is_needed_is_malformed(shape):
    broken = [ONE | {name: None} for name in ("When", "L4", "To Port")] + [
        ONE | {"From": "nobody"},
        ONE | {"To Port": 70000},
    ]
    _, ledger, reading, _ = observed(shape([ONE, *broken, ONE | {"To": None}]))
    assert (reading.records, ledger.packet_counts()) == (7, {"malformed": 5, "no_end": 1})


def test_nothing_tells_who_began_unless_the_log_is_said_to_write_connections():
    assert row(as_csv([ONE]))["orientation"] == "unknown"
    began = row(as_csv([ONE]), mapping(source_began=True))
    assert (began["orientation"], began["outcome"]) == ("reported", "established")


def test_two_directions_pair_by_themselves():
    one_way = {name: value for name, value in FIELDS.items() if not name.startswith("reply")}
    back = ONE | {
        "From": "10.0.2.9",
        "From Port": 53,
        "To": "10.0.1.7",
        "To Port": 41000,
        "When": "2026-03-01T10:00:00.2Z",
    }
    ask = ONE | {"To Port": 53}
    content = as_csv([one | {"L4": "UDP"} for one in (ask, back)])
    found = row(content, document_mapping({"columns": one_way}))
    assert (found["src"], found["dst_port"], found["orientation"], found["outcome"]) == (
        "10.0.1.7", 53, "paired", "established",
    )  # fmt: skip
    assert (found["packets"], found["reply_packets"]) == (6, 6)


def test_without_answers_in_a_log_of_connections_silence_says_nothing():
    columns = {name: FIELDS[name] for name in ("time", "src", "src_port", "dst", "dst_port", "protocol")}
    for protocol in ("tcp", "udp"):
        content = as_csv([ONE | {"L4": protocol}])
        assert row(content, document_mapping({"columns": columns, "source_began": True}))["outcome"] == "unknown"
    silent = ONE | {"L4": "udp", "In": 0, "In Bytes": 0}
    assert row(as_csv([silent]), mapping(source_began=True))["outcome"] == "unanswered"


@pytest.mark.parametrize(
    ("word", "outcome"),
    [("ALLOW", "allowed"), ("accept", "allowed"), ("Deny", "denied"), ("REJECT", "denied"), ("refused", "refused"),
     ("audited", "audited"), ("half_open", "half_open"), ("established", "established"), ("OK", "established")],
)  # fmt: skip
def test_a_verdict_s_word_says_what_became_of_it(word, outcome):
    attempt = ONE | {"Out": 1, "In": 0, "In Bytes": 0, "Action": word}
    how = mapping({"verdict": "Action"}, verdicts={"OK": "established"}, source_began=True)
    assert row(as_csv([attempt]), how)["outcome"] == outcome


@SHAPES
def test_a_verdict_that_nobody_knows_or_that_is_missing_leaves_the_record_out(shape):
    records = [ONE | {"Action": "ALLOW"}, ONE | {"Action": "QUARANTINE"}, ONE | {"Action": None}]
    flows, ledger, _, _ = observed(shape(records), mapping({"verdict": "Action"}))
    assert (len(flows), ledger.packet_counts()) == (1, {"incomplete": 1, "other_record": 1})


@pytest.mark.parametrize("flags", ["2", "0x2", "S", "......S.", "----S-"])
def test_tcp_flags_are_a_number_or_letters(flags):
    alone = ONE | {"Out": 1, "In": 0, "In Bytes": 0, "Flags": flags}
    found = row(as_csv([alone]), mapping({"tcp_flags": "Flags"}))
    assert (found["orientation"], found["outcome"]) == ("handshake", "unanswered")


@pytest.mark.parametrize("flags", ["XYZ", "0xzz", "established"])
def test_flags_that_nobody_knows_say_nothing(flags):
    assert row(as_csv([ONE | {"Flags": flags}]), mapping({"tcp_flags": "Flags"}))["orientation"] == "unknown"


def test_pods_are_claimed_and_services_kept():
    more = {"Namespace": "shop", "Pod": "web-1", "VIP": "10.96.0.9", "VIP Port": 80}
    fields = {"src_namespace": "Namespace", "src_pod": "Pod", "service_ip": "VIP", "service_port": "VIP Port"}
    flows, _, _, claims = observed(as_csv([ONE | more, ONE | more]), mapping(fields))
    found = only(flows)
    assert (found["src_pod"], found["service_ip"], found["service_port"]) == ("web-1", "10.96.0.9", 80)
    claim = only(claims)
    assert (claim["address"], claim["namespace"], claim["pod"]) == ("10.0.1.7", "shop", "web-1")


def test_two_reporters_of_one_connection_count_once_and_samples_say_so():
    twice = as_csv([ONE | {"Node": node} for node in ("n1", "n2")])
    found = row(twice, replace(mapping({"reporter": "Node"}), one_of=100))
    assert (found["connections"], found["packets"]) == (1, 6)
    assert found["sampled"] == pytest.approx(0.01)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_told_by_the_header_or_named(separator):
    content = as_csv([ONE], separator)
    assert row(content) == row(as_csv([ONE]))
    assert row(content, replace(mapping(), separator=separator)) == row(as_csv([ONE]))


def test_values_in_quotes_headers_that_come_again_and_marks_at_the_start_are_read():
    content = as_csv([ONE | {"Note": "a, b"}])
    assert observed(b"\xef\xbb\xbf" + content + content)[2].records == 2
    assert observed(content.replace(b"\n", b"\r\n"))[2].records == 1


def test_a_log_without_a_header_has_numbers_for_columns():
    numbered = document_mapping({"columns": {field: at for at, field in enumerate(FIELDS, 1)}})
    assert row(as_csv([ONE]).split(b"\n", 1)[1], numbered) == row(as_csv([ONE]))


@pytest.mark.parametrize("shape", [as_lines, as_array, as_parquet])
def test_a_dot_leads_to_a_field_of_a_field_where_no_column_has_it_in_its_name(shape):
    how = mapping({"src": "end.ip"})
    assert row(shape([ONE | {"end": {"ip": "10.9.9.9"}}]), how)["src"] == "10.9.9.9"
    assert row(shape([ONE | {"end.ip": "10.9.9.8"}]), how)["src"] == "10.9.9.8"


def test_in_text_a_dot_is_part_of_a_name():
    assert (
        row(as_csv([ONE | {"end": "10.9.9.9", "end.ip": "10.9.9.8"}]), mapping({"src": "end.ip"}))["src"] == "10.9.9.8"
    )
    with pytest.raises(UnreadableInput, match=r"no column 'end\.ip'"):
        observed(as_csv([ONE | {"end": "10.9.9.9"}]), mapping({"src": "end.ip"}))


def test_records_may_stand_behind_a_key():
    content = json.dumps({"version": 2, "rows": [ONE, ONE]}, indent=1).encode()
    assert observed(content, replace(mapping(), records="rows"))[2].records == 2


@SHAPES
def test_a_column_that_the_log_does_not_have_is_named(shape):
    with pytest.raises(UnreadableInput) as raised:
        observed(shape([ONE]), mapping({"src": "Client\x1b"}))
    assert "'Client\\x1b'" in str(raised.value)
    assert str(raised.value).isprintable()


@SHAPES
def test_a_verdict_s_column_that_is_not_there_is_never_passed_over(shape):
    with pytest.raises(UnreadableInput, match="'Actoin'"):
        observed(shape([ONE | {"Action": "DENY"}]), mapping({"verdict": "Actoin"}))


def test_without_a_mapping_there_is_one_sentence():
    with pytest.raises(UnreadableInput, match="needs a mapping"):
        list(generic.read(io.BytesIO(as_csv([ONE]))))


@pytest.mark.parametrize("shape", [as_parquet])
def test_a_cut_parquet_file_is_refused(shape):
    content = shape([ONE] * 9)
    for cut in (4, 100, len(content) - 1):
        with pytest.raises(UnreadableInput, match="no whole Parquet file"):
            observed(content[:cut])


def test_nothing_is_sniffed():
    for head in (b"", SAMPLE, as_parquet([ONE]), as_lines([ONE])):
        assert not generic.sniff(head)
        assert not generic.Mapped(mapping()).sniff(head)
    assert generic.Mapped.NAME == generic.NAME == "generic"


def test_an_empty_log_has_no_rows():
    for content in (b"", b"\n \n", as_csv([ONE]).split(b"\n")[0], b"[]", as_parquet([ONE])[:0]):
        assert observed(content)[0].empty


def test_the_sample_is_read_with_its_mapping():
    flows, ledger, reading, _ = observed(SAMPLE, SAMPLES)
    assert reading.records == SAMPLE.count(b"\n") - 1
    assert ledger.packet_counts() == {"other_record": 1}
    assert set(flows["outcome"]) == {"established", "allowed", "denied", "refused"}


@given(st.data())
def test_every_line_lands_once_wherever_the_file_is_cut(data):
    cut = SAMPLE[: data.draw(st.integers(SAMPLE.index(b"\n"), len(SAMPLE)))]
    sizes = [batch.size for batch in generic.read(io.BytesIO(cut), SAMPLES)]
    assert sum(sizes) == sum(bool(line.strip()) for line in cut.split(b"\n")[1:])


@given(st.data())
def test_every_json_line_lands_once_wherever_the_file_is_cut(data):
    content = as_lines([ONE, ONE | {"L4": None}, ONE | {"To Port": "x"}, ONE])
    cut = content[: data.draw(st.integers(0, len(content)))]
    sizes = [batch.size for batch in generic.read(io.BytesIO(cut), mapping())]
    assert sum(sizes) == sum(bool(line.strip()) for line in cut.split(b"\n"))


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_malformed(noise):
    numbered = columns_mapping("time=1,src=2,dst=3,dst_port=4,protocol=5")
    with suppress(UnreadableInput):
        assert not any(len(batch.records) for batch in generic.read(io.BytesIO(noise), numbered))


def test_counts_both_ways_in_one_record_do_not_tell_who_began():
    assert row(as_csv([ONE | {"L4": "udp"}]))["orientation"] == "unknown"
