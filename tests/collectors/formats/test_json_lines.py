"""Lines of JSON become columns; a line that is no object is bad and says why, the others are read."""

import io

import pytest

from collectors.formats.columns import Field, Kind
from collectors.formats.json_lines import json_object, read_json, read_with
from tests.collectors.formats.scanners import told

A, RAW = Field.of("a"), Field.of("a.b", Kind.RAW)


def read(text, *fields):
    return told(list(read_json(io.BytesIO(text), fields)))


def test_fields_are_found_by_their_path():
    text = b'{"a":{"b":{"c":[1]},"x":2},"a.b":3}\n\n{"a":"x"}\n'
    numbers, rows, bad = read(text, A, RAW, Field(("a.b",), Kind.NUMBER), Field.of("a", Kind.PRESENT))
    assert (numbers, bad) == ([1, 3], [])
    assert rows == {
        ("a", Kind.TEXT): [None, "x"],
        ("a", "b", Kind.RAW): ['{"c":[1]}', None],
        ("a.b", Kind.NUMBER): [3, None],
        ("a", Kind.PRESENT): [True, True],
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[1]", "no JSON object"),
        (b'{"a":1', "no JSON: "),
        (b'{"a":NaN}', "no JSON: NaN is no number"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        ('{"a":1}'.encode("utf-16-le"), "no JSON: "),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b'{"a":' + b"9" * 5000 + b"}", "no JSON: Exceeds the limit"),
    ],
)
def test_a_line_that_is_no_object_is_bad_and_says_why(line, reason):
    numbers, rows, bad = read(b'{"a":"x"}\n' + line + b'\n{"a":"y"}', A)
    assert (numbers, rows) == ([1, 3], {("a", Kind.TEXT): ["x", "y"]})
    ((number, said),) = bad
    assert number == 2
    assert said.startswith(reason)
    assert len(said) < 100


def test_a_value_nested_too_deeply_to_be_written_again_is_bad():
    for depth in range(100, 1100, 50):
        numbers, _, bad = read(b'{"a":{"b":' + b"[" * depth + b"]" * depth + b"}}", RAW)
        assert numbers == [1] or bad == [(1, "nested too deeply")]


def test_of_a_key_that_comes_twice_the_last_counts():
    _, rows, _ = read(b'{"a":1,"a":2}\n{"a":{"b":1},"a":{}}', A, RAW)
    assert rows == {("a", Kind.TEXT): ["2", None], ("a", "b", Kind.RAW): [None, None]}


def test_nothing_is_no_columns():
    for scan in (None, read_with.__globals__["scan_json"]):
        assert list(read_with(scan, io.BytesIO(b"\n \n\r\n"), [A])) == []


def test_an_object_is_read_from_text_or_bytes():
    assert json_object('{"a":1.50}') == json_object(b'{"a":1.50}') == {"a": "1.50"}
