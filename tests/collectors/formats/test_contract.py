"""What holds for every flow log format, on every sample."""

import gzip
import io
import re
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard

from collectors import read_flows
from collectors.errors import UnreadableInput
from collectors.flows import FLOWS
from collectors.formats.known import FORMATS, sniff_log
from collectors.inputs import FORMATS as NAMES
from collectors.inputs import NEVER_SNIFFED
from tests.collectors.formats.samples import FOLDER, format_of, golden_of, samples, text_of, told

DOCS = Path(__file__).parents[3] / "docs" / "formats"
HEAD = 1 << 16
SNIFFED = [path for path in samples() if told(path)]
CUTS = 60


def named(paths):
    return pytest.mark.parametrize("path", paths, ids=[path.name for path in paths])


def accepted(head):
    return [form.NAME for form in FORMATS if form.sniff(head)]


def test_every_format_has_a_name_of_its_own_a_sample_and_a_page():
    names = [form.NAME for form in FORMATS]
    assert len(set(names)) == len(names) == len(NAMES) - 2
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)
    assert {format_of(path).NAME for path in samples()} == set(names)
    assert {path.stem for path in DOCS.glob("*.md")} == set(names)


@named(SNIFFED)
def test_exactly_one_format_takes_a_sample_however_it_is_cut(path):
    content = path.read_bytes()
    assert accepted(content[:HEAD]) == [format_of(path).NAME]
    for cut in range(0, min(len(content), HEAD), max(1, min(len(content), HEAD) // CUTS)):
        assert accepted(content[:cut]) in ([], [format_of(path).NAME])


@pytest.mark.parametrize("head", [b"", b"\n\n", b"{}", b"[]", b"\0" * 99, b"a,b,c\n1,2,3\n", b"\xff\xfe{", b"x" * HEAD])
def test_no_format_takes_what_is_no_log(head):
    assert accepted(head) == []
    assert sniff_log(head) is None


@named(sorted((FOLDER.parent).glob("*.pcap*")))
def test_no_format_takes_a_capture(path):
    assert accepted(path.read_bytes()[:HEAD]) == []


@named(SNIFFED)
def test_a_sample_is_read_as_it_always_was(path):
    """`python -m tests.collectors.formats.samples` writes the files anew, in a commit of their own."""
    assert text_of(path) == golden_of(path).read_text(encoding="utf-8")


@named(SNIFFED)
def test_rows_and_ledger_are_all_records(path):
    seen = read_flows([path])
    sizes = [(len(batch.records), batch.size) for batch in format_of(path).read(io.BytesIO(path.read_bytes()))]
    assert seen.window.sources[0].packets == sum(size for _, size in sizes) > 0
    assert seen.ledger.packets_total() == sum(size - kept for kept, size in sizes)


@named(SNIFFED)
def test_a_compressed_log_is_the_same(path, tmp_path):
    content, plain = path.read_bytes(), read_flows([path])
    for name, packed in (("gz", gzip.compress(content)), ("zst", zstandard.compress(content))):
        copy = tmp_path / f"{path.name}.{name}"
        copy.write_bytes(packed)
        seen = read_flows([copy])
        assert seen.flows.drop(columns="source").equals(plain.flows.drop(columns="source"))
        assert seen.window.sources[0].packets == plain.window.sources[0].packets


@named(SNIFFED)
def test_cut_at_any_byte_it_is_read_as_far_as_it_goes(path):
    content, form = path.read_bytes(), format_of(path)
    whole = sum(batch.size for batch in form.read(io.BytesIO(content)))
    for cut in range(0, len(content), max(1, len(content) // CUTS)):
        with suppress(UnreadableInput):
            sizes = [batch.size for batch in form.read(io.BytesIO(content[:cut]))]
            assert sum(sizes) <= whole + 1  # the bracket that a cut leaves open is a line, too


@pytest.mark.parametrize(
    "form", [form for form in FORMATS if form.NAME not in NEVER_SNIFFED], ids=lambda form: form.NAME
)
def test_an_empty_log_is_an_empty_frame_with_all_columns(form, tmp_path):
    assert not any(batch.size for batch in form.read(io.BytesIO(b"")))
    blank = tmp_path / "blank.log"
    blank.write_bytes(b"\n")
    seen = read_flows([blank], format=form.NAME)
    assert seen.flows.empty
    assert list(seen.flows.columns) == FLOWS.names


def test_a_folder_of_all_samples_is_read_at_once():
    seen = read_flows([FOLDER])
    assert {source.name for source in seen.window.sources} == {path.name for path in SNIFFED}
