"""The compiled scanner says of separated values what Python says, with headers and slow lines in their order."""

from hypothesis import given

from collectors.formats.columns import Field, Kind
from collectors.formats.scan_separated import scan_separated
from collectors.formats.separated import Dialect
from tests.collectors.formats.scan_texts import COLUMNS, new_columns, tables
from tests.collectors.formats.scanners import fenced_separated, separated_by


@given(tables(), COLUMNS)
def test_the_uncompiled_scanner_says_of_separated_values_what_python_says(table, fields):
    dialect, text = table
    assert separated_by(fenced_separated, text, dialect, fields) == separated_by(None, text, dialect, fields)


@given(tables(), COLUMNS)
def test_the_compiled_scanner_says_of_separated_values_what_python_says(table, fields):
    dialect, text = table
    assert separated_by(scan_separated, text, dialect, fields) == separated_by(None, text, dialect, fields)


def test_a_header_holds_for_the_lines_behind_it():
    text = b"1,2\nhead,b,a\n3,4\nx,\xc3\xa9\nhead,a\n5\nhead,end\n6"
    for scan in (None, fenced_separated, scan_separated):
        fields = [Field(("a",)), Field(("b",))]
        dialect = Dialect(",", ("a", "b"), frozenset({"head"}), header=new_columns)
        numbers, rows, bad = separated_by(scan, text, dialect, fields)
        assert (numbers, bad) == ([1, 3, 4, 6], [])
        assert rows == {("a", Kind.TEXT): ["1", "4", "é", "5"], ("b", Kind.TEXT): ["2", "3", "x", None]}
