"""Separated values become columns by the names of a header; a line with too few or too many is bad."""

import io
import subprocess
import sys

import pytest

from collectors.formats.columns import Field, Kind
from collectors.formats.separated import Dialect, Stop, read_separated, read_with, scan_separated
from tests.collectors.formats.scanners import fenced_separated, told

A, B = Field(("a",)), Field(("b",), Kind.NUMBER)
SCANNERS = pytest.mark.parametrize("scan", [None, fenced_separated, scan_separated])


def read(scan, text, dialect, *fields):
    return told(list(read_with(scan, io.BytesIO(text), fields or [A, B], dialect)))


def split(line):
    return line.removeprefix("#").split(",")


@SCANNERS
def test_values_are_named_by_the_columns_before_them(scan):
    numbers, rows, bad = read(
        scan, b"x,1\n\n,-\r\n y,2\n#b,a\n3,z\n", Dialect(",", ("a", "b"), comment="#", header=split)
    )
    assert (numbers, bad) == ([1, 3, 4, 6], [])
    assert rows == {("a", Kind.TEXT): ["x", None, " y", "z"], ("b", Kind.NUMBER): [1, None, 2, 3]}


@SCANNERS
def test_a_line_begins_with_its_first_value_even_if_that_is_empty(scan):
    _, rows, _ = read(scan, b"\t1\nx\t2", Dialect("\t", ("a", "b")))
    assert rows == {("a", Kind.TEXT): [None, "x"], ("b", Kind.NUMBER): [1, 2]}


@SCANNERS
def test_too_few_and_too_many_values_are_bad_and_optional_ones_may_lack(scan):
    text = b"x\nx,1\nx,1,2\nx,1,2,3\n"
    numbers, _, bad = read(scan, text, Dialect(",", ("a", "b", "c"), optional=1))
    assert (numbers, bad) == ([2, 3], [(1, "1 values, not 3"), (4, "4 values, not 3")])


@SCANNERS
def test_the_records_may_end_before_the_file(scan):
    def header(line):
        if line.startswith("Summary"):
            raise Stop
        return split(line)

    dialect = Dialect(",", heads=frozenset({"a", "Summary"}), header=header)
    numbers, rows, bad = read(scan, b"a,b\nx,1\nSummary\ny,2,3\n\xff\n", dialect)
    assert (numbers, bad) == ([2], [])
    assert rows["a", Kind.TEXT] == ["x"]


@SCANNERS
def test_quoted_values_may_hold_the_separator(scan):
    text = b'"x,y",1\n"x""y","2"\nx"y,3\n"x,4\n"x"y,5\n\xc3\xa9,6\n' + b"x" * 140_000 + b",7\na\rb,8"
    numbers, rows, bad = read(scan, text, Dialect(",", ("a", "b"), quoted=True))
    assert rows == {("a", Kind.TEXT): ["x,y", 'x"y', 'x"y', "é"], ("b", Kind.NUMBER): [1, 2, 3, 6]}
    assert numbers == [1, 2, 3, 6]
    assert [number for number, _ in bad] == [4, 5, 7, 8]
    assert all(reason.startswith("no CSV: ") for _, reason in bad)


@SCANNERS
def test_a_comment_is_none_of_csv(scan):
    numbers, _, bad = read(scan, b'# "not closed\nx,1\n', Dialect(",", ("a", "b"), comment="#", quoted=True))
    assert (numbers, bad) == ([2], [])


@SCANNERS
def test_there_is_no_json_in_columns(scan):
    fields = [Field(("a",), kind) for kind in (Kind.RAW, Kind.PRESENT)] + [Field(("none",), Kind.PRESENT)]
    _, rows, _ = read(scan, b'{"x":1}\n-\n', Dialect("\t", ("a",)), *fields)
    assert rows == {
        ("a", Kind.RAW): ['{"x":1}', None],
        ("a", Kind.PRESENT): [True, False],
        ("none", Kind.PRESENT): [False, False],
    }


def test_not_utf8_is_bad():
    _, _, bad = told(list(read_separated(io.BytesIO(b"x,1\n\xff,1\n"), [A], Dialect(",", ("a", "b")))))
    assert bad == [(2, "not UTF-8")]


def test_reading_lines_loads_no_pandas():
    code = "import sys, collectors.formats.separated, collectors.formats.json_lines\nprint('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout.split() == [b"False"]
