"""The scanner's tables grow, begin anew and are cut into blocks, and its records stay the same."""

from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given

from benchmarks.log_lines import write_log
from collectors.formats import json_lines, lines, scan_layout, scan_tables, separated
from collectors.formats.columns import Field, Kind
from collectors.formats.scan_json import scan_json
from collectors.formats.scan_separated import scan_separated
from collectors.formats.separated import Dialect
from tests.collectors.formats.scan_texts import COLUMNS, ENCODED, WANTED, damaged, tables
from tests.collectors.formats.scanners import fenced_json, fenced_separated, json_by, separated_by

plain_columns_of = json_lines.columns_of


@contextmanager
def small_tables():
    """Let everything grow, be thrown away and be cut into blocks all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK", 40)
        patch.setattr(lines, "MOST_LINES", 3)
        patch.setattr(scan_tables, "_FEWEST_ENTRIES", 2)
        patch.setattr(scan_tables, "_LEAST_ARENA", 16)
        patch.setattr(scan_tables, "_MOST_ENTRIES", 6)
        yield


@pytest.mark.parametrize("scan", [fenced_json, scan_json])
@given(damaged(ENCODED), WANTED)
def test_tables_that_grow_and_begin_anew_change_nothing(scan, text, fields):
    expected = json_by(None, text, fields)
    with small_tables():
        assert json_by(scan, text, fields) == expected


@pytest.mark.parametrize("scan", [fenced_separated, scan_separated])
@given(tables(), COLUMNS)
def test_blocks_of_any_size_hold_the_same_records(scan, table, fields):
    dialect, text = table
    expected = separated_by(None, text, dialect, fields)
    with small_tables():
        assert separated_by(scan, text, dialect, fields) == expected


def test_texts_that_never_come_again_are_forgotten():
    text = "".join(f'{{"a":"{number:0100d}"}}\n' for number in range(1 << 12))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK", 1 << 12)
        patch.setattr(scan_tables, "_MOST_ENTRIES", 1 << 8)
        patch.setattr(scan_tables, "_FEWEST_ENTRIES", 1 << 4)
        made = []
        patch.setattr(json_lines, "Tables", lambda *of: made.append(scan_tables.Tables(*of)) or made[-1])
        _, rows, _ = json_by(scan_json, text.encode(), [Field(("a",))])
        assert rows["a", Kind.TEXT] == [f"{number:0100d}" for number in range(1 << 12)]
        assert made[0].state[scan_layout.ENTRY_CAPACITY] <= 1 << 9
        assert len(made[0]._texts) <= 1 << 9


def texts_of_one_slot(count, field=0):
    """Return texts of eight letters that the scanner puts into the same slot of a new table: its digest, backwards."""
    mix = 0x9E3779B97F4A7C15
    back = np.uint64(pow(mix, -1, 1 << 64))
    begin = np.uint64(((field + 1) * mix + 8) % (1 << 64))
    ends = np.random.default_rng(1).integers(0, 1 << 50, 1 << 21, dtype=np.uint64) << np.uint64(14)
    first = (ends ^ ends >> np.uint64(32)) * back
    word = ((first ^ first >> np.uint64(29) ^ first >> np.uint64(58)) * back) ^ begin
    letters = word.view(np.uint8).reshape(-1, 8)
    plain = ((letters >= 48) & (letters < 127) & (letters != 92)).all(axis=1)
    return [row.tobytes().decode() for row in letters[plain]][:count]


@pytest.mark.parametrize("scan", [fenced_json, scan_json])
def test_texts_made_to_share_a_hash_are_left_to_python(scan, monkeypatch):
    texts = texts_of_one_slot(120)
    assert len(texts) == 120
    text = "".join(f'{{"a":"{one}"}}\n' for one in texts).encode()
    slow = []
    monkeypatch.setattr(json_lines, "columns_of", lambda some, of: slow.extend(some) or plain_columns_of(some, of))
    _, rows, bad = json_by(scan, text, [Field(("a",))])
    assert (rows["a", Kind.TEXT], bad) == (texts, [])
    assert 10 < len(slow) < 30


HUBBLE = [
    Field.of(f"flow.{path}", kind)
    for path, kind in {
        "time": Kind.TIME, "verdict": Kind.TEXT, "IP.source": Kind.TEXT, "source": Kind.RAW, "destination": Kind.RAW,
        "l4.TCP": Kind.PRESENT, "l4.TCP.destination_port": Kind.NUMBER, "l4.TCP.flags": Kind.RAW, "is_reply": Kind.TEXT,
        "event_type.type": Kind.NUMBER, "uuid": Kind.TEXT, "l4.UDP.source_port": Kind.TEXT,
    }.items()
]  # fmt: skip


@pytest.mark.parametrize("kind", ["hubble", "zeek", "vpc"])
def test_logs_as_they_are_written_are_read_without_python(kind, tmp_path, monkeypatch):
    write_log(tmp_path / kind, kind, 3_000)
    text = (tmp_path / kind).read_bytes()
    if kind == "hubble":
        plain = json_by(None, text, HUBBLE)
        monkeypatch.setattr(json_lines, "columns_of", None)
        found = json_by(scan_json, text, HUBBLE)
    else:
        separator, comment, heads = ("\t", "#", ()) if kind == "zeek" else (" ", "", ("version",))
        dialect = Dialect(
            separator, (), frozenset(heads), comment, lambda line: line.split(separator)[kind == "zeek" :]
        )
        names = ("id.orig_h", "proto") if kind == "zeek" else ("srcaddr", "action")
        ports, times = ("id.resp_p", "orig_bytes", "dstport", "bytes"), ("ts", "start", "end")
        fields = [Field((name,)) for name in names]
        fields += [Field((name,), Kind.NUMBER) for name in ports] + [Field((name,), Kind.TIME) for name in times]
        plain = separated_by(None, text, dialect, fields)
        read = separated._Table._values
        asked = []
        monkeypatch.setattr(separated._Table, "_values", lambda self, of: asked.append(of) or read(self, of))
        found = separated_by(scan_separated, text, dialect, fields)
        assert len(asked) < 5
    assert found == plain
    assert len(found[0]) == 3_000
