"""The compiled scanner says of every line of JSON what Python says, and stays in its arrays."""

import ast
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given

from collectors.formats import scan_layout
from collectors.formats.columns import Field, Kind
from collectors.formats.scan_json import scan_json
from collectors.formats.scan_text import is_compiled
from tests.collectors.formats.scan_texts import (
    ENCODED,
    FIELDS,
    JSON_EXAMPLES,
    KINDS,
    NUMBERS,
    PATHS,
    TIMES,
    TOKENS,
    WANTED,
    damaged,
)  # fmt: skip
from tests.collectors.formats.scanners import COMPILED, fenced_json, json_by

FOLDER = Path(scan_layout.__file__).parent


def test_the_scanner_is_compiled_here():
    """Else the tests of both modes compare Python with Python."""
    if not is_compiled():
        if os.environ.get("CI") == "true":
            pytest.fail("CI must compile the scanner: python setup.py build_ext --inplace")
        pytest.skip("the scanner is not compiled here: python setup.py build_ext --inplace")


def test_the_compiler_has_the_same_names_for_the_same_words():
    declared = re.findall(r"(\w+) = (-?\d+)", (FOLDER / "scan_layout.pxd").read_text())
    named = {name: value for name, value in vars(scan_layout).items() if name.isupper()}
    assert {name: int(value) for name, value in declared} == named
    assert len(declared) == len(named)


@pytest.mark.parametrize("name", COMPILED)
def test_both_modes_import_the_same(name):
    """Uncompiled by `import` under `if not cython.compiled`, compiled by `cimport` in the .pxd."""
    text = (FOLDER / f"{name}.pxd").read_text().replace(" cimport ", " import ")
    imports = text[: text.find("\ncdef")] if "\ncdef" in text else text
    promised = {(node.module, alias.name) for node in ast.parse(imports).body for alias in node.names}
    body = ast.parse((FOLDER / f"{name}.py").read_text()).body
    guards = [node for node in body if isinstance(node, ast.If) and ast.unparse(node.test) == "not cython.compiled"]
    found = {
        (node.module, alias.name)
        for guard in guards
        for node in guard.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert found == promised
    assert promised


@pytest.mark.parametrize("text", JSON_EXAMPLES)
@pytest.mark.parametrize("field", FIELDS)
def test_the_scanner_says_of_these_lines_what_python_says(text, field):
    for one in (text, *text.split(b"\n")):
        expected = json_by(None, one, [field])
        assert json_by(fenced_json, one, [field]) == expected
        assert json_by(scan_json, one, [field]) == expected


@pytest.mark.parametrize("token", TOKENS)
def test_the_scanner_accepts_no_value_that_python_refuses(token):
    """Wherever it stands, wanted or passed over; and nothing of a bad line stays in the next row."""
    around = [
        b'{"a":%s}', b'{"x":%s}', b'{"x":[%s]}', b'{"x":[0, %s ,1]}', b'{"x":{"y":%s}}',
        b'{"a":{"b":"k","c":%s},"b":2}',
        b'{"a":"k","b":5,"c":%s}', b'{"longer than eighteem":%s}',
    ]  # fmt: skip
    text = b"\n".join(line % token + b'\n{"longer than eighteen":1}' for line in around)
    fields = [Field(path, kind) for path in PATHS[1:] for kind in (Kind.TEXT, Kind.RAW, Kind.PRESENT)]
    fields += [Field(("b",), Kind.NUMBER)]
    expected = json_by(None, text, fields)
    assert json_by(fenced_json, text, fields) == expected
    assert json_by(scan_json, text, fields) == expected


@pytest.mark.parametrize("text", [*TIMES, *NUMBERS])
def test_the_scanner_reads_times_and_numbers_as_python_does(text):
    """In every place where one may stand."""
    written = json.dumps(text)
    lines_ = [f'{{"a":{written}}}', f'{{"a":{text}}}', f'{{"a":"x{written[1:]}}}', f'{{"a":"{text}\\u0030"}}']
    for line in lines_:
        for kind in KINDS:
            expected = json_by(None, line.encode(), [Field(("a",), kind)])
            assert json_by(fenced_json, line.encode(), [Field(("a",), kind)]) == expected


@given(damaged(ENCODED), WANTED)
def test_the_uncompiled_scanner_says_of_json_what_python_says(text, fields):
    assert json_by(fenced_json, text, fields) == json_by(None, text, fields)


@given(damaged(ENCODED), WANTED)
def test_the_compiled_scanner_says_of_json_what_python_says(text, fields):
    assert json_by(scan_json, text, fields) == json_by(None, text, fields)
