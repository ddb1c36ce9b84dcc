"""The scanner of logs as plain Python with every access checked for bounds, and what columns say in a plain form."""

import importlib.util
import io
import sys
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path

import collectors.formats
from collectors.formats import json_lines, separated
from collectors.formats.scan_layout import END, PADDING
from tests.collectors.capture.modes import Fenced

COMPILED = ("scan_numbers", "scan_text", "scan_grammar", "scan_json", "scan_separated")
"""Modules that are compiled, each after those that it calls."""


@cache
def _uncompiled():
    """Return the modules as plain Python, whatever is compiled or installed."""
    folder = Path(collectors.formats.__file__).parent
    names = {f"collectors.formats.{name}": folder / f"{name}.py" for name in COMPILED}
    kept = {name: sys.modules.pop(name, None) for name in ("cython", *names)}
    package = {name: vars(collectors.formats).get(name) for name in COMPILED}
    sys.modules["cython"] = None  # so that its import fails, as where Cython is not installed
    try:
        for name, path in names.items():
            loader = SourceFileLoader(name, str(path))
            module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
            sys.modules[name] = module
            loader.exec_module(module)
        plain = {name: sys.modules[f"collectors.formats.{name}"] for name in COMPILED}
    finally:
        for name, module in kept.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
        for name, module in package.items():
            setattr(collectors.formats, name, module)
    assert not plain["scan_text"].is_compiled()
    return plain


def fenced_json(text, state, *arrays):
    """Scan JSON uncompiled, with every access checked."""
    return _uncompiled()["scan_json"].scan_json(*_fenced(text, state, *arrays))


def fenced_separated(text, state, *arrays):
    """Scan separated values uncompiled, with every access checked."""
    return _uncompiled()["scan_separated"].scan_separated(*_fenced(text, state, *arrays))


def fenced_record_end(text, start, end):
    """Find the end of a record uncompiled, with every access checked."""
    return _uncompiled()["scan_grammar"].record_end(Fenced(text, end), start, end)


def _fenced(text, state, *arrays):
    """Of a text only PADDING is behind its end, however large the buffer."""
    assert len(text) >= state[END] + PADDING
    return Fenced(text, state[END] + PADDING), *map(Fenced, (state, *arrays))


def told(columns):
    """Return what columns say, a row for each record in a form that can be compared, and what is bad."""
    rows = {}
    for some in columns:
        for field, column in some.fields.items():
            if hasattr(column, "codes"):
                assert sorted(set(column.codes.tolist()) - {-1}) == list(range(len(column.values)))
                assert len(set(column.values)) == len(column.values)
                values = [column.at(row) for row in range(len(column))]
            elif hasattr(column, "known"):
                assert not column.values[~column.known].any()
                values = [int(n) if known else None for n, known in zip(column.values, column.known, strict=True)]
            else:
                assert column.dtype == bool
                values = column.tolist()
            rows.setdefault((*field.path, field.kind), []).extend(values)
        assert len(some) or some.bad.reasons
    numbers = [number for some in columns for number in some.number.tolist()]
    bad = [pair for some in columns for pair in zip(some.bad.numbers.tolist(), some.bad.reasons, strict=True)]
    assert all(len(values) == len(numbers) for values in rows.values())
    assert numbers == sorted(set(numbers))
    return numbers, rows, bad


def json_by(scan, text, fields):
    """Return what lines of JSON say by a scanner, or None for Python alone."""
    return told(list(json_lines.read_with(scan, io.BytesIO(text), fields)))


def separated_by(scan, text, dialect, fields):
    """Return what separated values say by a scanner, or None for Python alone."""
    return told(list(separated.read_with(scan, io.BytesIO(text), fields, dialect)))
