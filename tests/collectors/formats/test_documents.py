"""Records come one a line from JSON of any layout, in bounded memory, and a cut costs the last record only."""

import io
import json

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from collectors.formats import documents
from collectors.formats.documents import json_documents
from tests.collectors.formats import scanners
from tests.collectors.formats.streams import Dribble

TEXTS = st.text(st.sampled_from('ab"\\{}[],:\n é/'), max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
RECORDS = st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), max_size=5)
INDENTS = st.sampled_from([None, 0, 2, "\t"])
PIECES = st.integers(1, 40)
AROUND = st.sampled_from(["items", "records"])


def lines_of(text, keys=(), piece=1 << 20):
    """Return the lines of what comes out."""
    out = json_documents(Dribble(text if isinstance(text, bytes) else text.encode(), piece), keys).read()
    assert out.endswith(b"\n") or not out
    return out.splitlines()


def loaded(lines):
    """Return what lines of JSON say."""
    return [json.loads(line) for line in lines]


@given(RECORDS, INDENTS, PIECES)
def test_the_elements_of_an_array_are_a_line_each_whatever_its_layout(records, indent, piece):
    assert loaded(lines_of(json.dumps(records, indent=indent), piece=piece)) == records


@given(RECORDS, INDENTS, PIECES, AROUND, st.dictionaries(TEXTS, VALUES, max_size=2), st.booleans())
def test_of_an_object_around_an_array_only_the_elements_are_kept(records, indent, piece, key, others, first):
    document = {key: records, **others} if first else {**others, key: records}
    text = json.dumps(document, indent=indent)
    assert loaded(lines_of(text, ("records", "items"), piece)) == records


def test_all_arrays_behind_keys_of_all_objects_are_read():
    text = '{"a":[1],"items" : [{"x":1}],"n":{"items":[{"x":0}]},"records":[{"x":2}]}\n{"items":[{"x":3}]}'
    assert loaded(lines_of(text, ("items", "records"))) == [{"x": 1}, {"x": 2}, {"x": 3}]


def test_a_key_in_a_string_or_deeper_in_the_object_is_none():
    for text in ('{"a":"\\"items\\":[{","b":1}', '{"a":{"items":[{"x":1}]}}', '{"a\\"items":[1]}', '{"x":"items"}'):
        assert lines_of(text + "\n", ("items",)) == [text.encode()]


@given(RECORDS, INDENTS, PIECES)
@example([{}, {"": None}], None, 1)
def test_objects_after_each_other_are_a_line_each_however_many_lines_they_take(records, indent, piece):
    assume(indent is None or not records or records[0])  # the first line tells, and {} is on one line however indented
    text = "\n".join(json.dumps(record, indent=indent) for record in records)
    out = json_documents(Dribble(text.encode(), piece)).read()
    assert loaded(out.splitlines()) == records


@given(
    st.lists(st.sampled_from([b'{"a":1}', b'{"b":[{}]} ', b"", b"  ", b"{", b'{"c":"', b"null", b"x\r"]), max_size=6)
)
def test_json_lines_pass_unchanged(lines):
    text = b'{"flow":{}}\r\n' + b"\n".join(lines)
    for head in (b"", b"\n \n", b'{"cut in a string\n', b"seen}\n"):
        assert json_documents(io.BytesIO(head + text), ("items",)).read() == head + text


@given(RECORDS, st.sampled_from(["[", '{"items":[', '{"n":{"items":[0]},\n"items" : [\n']), st.data())
def test_cut_input_gives_the_elements_before_the_cut_and_one_line_that_is_no_json(records, text, data):
    begin, ends = len(text), []
    for record in records:
        text += json.dumps(record, indent=data.draw(INDENTS))
        ends.append(len(text))
        text += ",\n"
    at = data.draw(st.integers(begin, len(text)))
    *whole, last = lines_of(text[:at], ("items",))
    assert loaded(whole) == records[: sum(end <= at for end in ends)]
    with pytest.raises(json.JSONDecodeError):
        json.loads(last)


def test_a_line_end_in_a_string_costs_one_record():
    for text in ('[\n{"a":"x\n},\n{"a":1}]', '{\n"a":"x\n{\n"a":1}'):
        *_, last = lines_of(text)
        assert json.loads(last) == {"a": 1}


def test_an_object_that_is_not_closed_ends_where_the_next_begins():
    assert lines_of('{"a":1,\n{"a":2}\n{"a":3}\n') == [b'{"a":1, ', b'{"a":2}', b'{"a":3}']
    assert lines_of('{\n"a":1,\n{"b":{"a":2}}') == [b'{ "a":1, ', b'{"b":{"a":2}}']


@given(st.text(st.sampled_from('{}[]",:\\\n a1'), max_size=30), PIECES)
def test_nothing_is_lost_or_raised_however_broken_the_input(text, piece):
    out = json_documents(Dribble(text.encode(), piece), ("a",)).read().decode()
    assert sorted(set(text) - set(' \n,[]{}":')) == sorted(set(out) - set(' \n,[]{}":')) or '"a"' in text


@given(st.text(st.sampled_from('{}[]",:\\\n a1'), max_size=30), st.integers(0, 3))
def test_records_end_at_once_where_they_end_bracket_by_bracket(text, deep):
    assert_same_ends("[" + '{"a":[' * deep + text)


def test_records_that_are_not_whole_end_alike_at_once_and_bracket_by_bracket():
    for text in (
        '[{"a":1,{"b":2}},{"c":3}]',
        '{"a" {"b":2}}\n{}',
        '[{"a":"x\n"},{}]',
        "[" * 62 + "]" * 62,
        '[{"a":"\\\n"}]',
    ):
        assert_same_ends(text)


def assert_same_ends(text):
    """Whatever finds the ends of records, they are the same."""
    found = []
    for ends in (documents._unknown, scanners.fenced_record_end, documents.record_end):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(documents, "record_end", ends)
            patch.setattr(documents, "is_compiled", lambda: True)
            found.append(json_documents(io.BytesIO(text.encode()), ("a",)).read())
    assert found[0] == found[1] == found[2]


def test_a_record_too_long_for_memory_is_one_line_still(monkeypatch):
    monkeypatch.setattr(documents, "LONGEST", 100)
    monkeypatch.setattr(documents, "BLOCK", 10)
    for record in ("[" + "[1]," * 200 + "[1]]", '{"a":"' + "x" * 400 + '"}', "[" + "1," * 300 + "1]"):
        found = documents._Documents(io.BytesIO(f"[{record}\n,2]".encode()), ())
        pieces, sizes = [], []
        for piece in found.records():
            pieces.append(piece)
            sizes.append(len(found._text))
        assert b"".join(pieces) == record.encode() + b"\n2\n"
        assert len(pieces) > 3
        assert max(sizes) < 300


def test_nothing_is_nothing():
    for text in ("", " \n", "[]", "[ ]\n", '{"items":[]}'):
        assert lines_of(text, ("items",)) in ([], [b""], [b" "])


def test_a_byte_order_mark_is_no_part_of_the_first_record():
    assert lines_of(b"\xef\xbb\xbf[1]") == [b"1"]
