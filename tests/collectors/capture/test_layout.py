"""What the compiler is told in .pxd files is what Python finds in .py files."""

import ast
import re
from pathlib import Path

import pytest

from collectors.capture import layout
from tests.collectors.capture.modes import COMPILED

FOLDER = Path(layout.__file__).parent


def test_the_compiler_has_the_same_names_for_the_same_words():
    declared = re.findall(r"(\w+) = (\d+)", (FOLDER / "layout.pxd").read_text())
    named = {name: value for name, value in vars(layout).items() if name.isupper()}
    assert {name: int(value) for name, value in declared} == named
    assert len(declared) == len(named)


def test_no_two_words_of_the_state_share_a_place():
    words = [getattr(layout, name) for name in ("POSITION", "HELD", "TURN", "WANT_MARKS", "KEPT")]
    assert words == sorted(set(words))
    assert layout.KEPT < layout.COUNTS
    assert layout.COUNTS + 11 <= layout.SAMPLES
    assert layout.SAMPLES + 11 * 9 <= layout.STATE_WORDS


@pytest.mark.parametrize("name", COMPILED)
def test_both_modes_import_the_same(name):
    """Uncompiled by `import` under `if not cython.compiled`, compiled by `cimport` in the .pxd."""
    text = (FOLDER / f"{name}.pxd").read_text().replace(" cimport ", " import ")
    imports = text[: text.find("\ncdef")] if "\ncdef" in text else text
    told = {(node.module, alias.name) for node in ast.parse(imports).body for alias in node.names}
    body = ast.parse((FOLDER / f"{name}.py").read_text()).body
    guards = [node for node in body if isinstance(node, ast.If) and ast.unparse(node.test) == "not cython.compiled"]
    found = {
        (node.module, alias.name)
        for guard in guards
        for node in guard.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert found == told
    assert told
