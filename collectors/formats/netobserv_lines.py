"""Turns files with NetObserv's flows into one line for each flow: what Loki adds is taken off, its labels put back."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from collectors.formats.documents import json_documents
from collectors.formats.heads import peek
from collectors.formats.json_lines import json_object
from collectors.formats.lines import blocks, whole_lines
from collectors.formats.pieces import stream_of
from collectors.formats.sniffing import lines, outline


def flow_lines(stream: BinaryIO) -> BinaryIO:
    """Return a stream in which each flow is a line.

    Read are lines and arrays of flows, the file of NetObserv's command line (a comma behind each flow), and the lines
    of `logcli query -o jsonl`. Flowlogs-pipeline takes what it makes a label of Loki out of the flow: the labels are
    put back.
    """
    head, stream = peek(stream)
    found = outline(head)
    if {"labels", "line"} <= found.keys():
        return stream_of(_queried(stream))
    first = lines(head, 1)
    if first and first[0].startswith("{") and first[0].rstrip().endswith("},"):
        return stream_of(_without_commas(stream))
    return json_documents(stream)


def _without_commas(stream: BinaryIO) -> Iterator[bytes]:
    for _, block in whole_lines(stream):
        yield b"-\n" if block is None else block.replace(b"},\r\n", b"}\n").replace(b"},\n", b"}\n")
        yield b""


def _queried(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the flow of each line that logcli wrote."""
    for block in blocks(stream):
        for line in block:
            document = line.fault or json_object(line.content)
            if isinstance(document, str):
                yield line.content + b"-\n"
            else:
                yield _flow(document.get("labels"), document.get("line"))
        yield b""


def _flow(labels: Any, line: Any) -> bytes:
    """Return a flow with its labels; of a key that is in both, the flow's own counts."""
    text = " ".join(line.splitlines()).strip() if isinstance(line, str) else "-"
    if text.startswith("{") and isinstance(labels, dict) and labels:
        rest = text[1:].lstrip()
        text = json.dumps(labels)[:-1] + ("" if rest.startswith("}") else ", ") + rest
    return (text or "-").encode("utf-8", "replace") + b"\n"
