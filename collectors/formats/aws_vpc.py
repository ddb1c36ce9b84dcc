"""Turns VPC flow logs of AWS into batches: text in any order of fields, Parquet, and what CloudWatch Logs hands out.

Format: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html; docs/formats/aws-vpc.md says how it is
switched on. A record is one direction of a connection at one network interface, for some 60 or 600 seconds. Without
`pkt-srcaddr` and `pkt-dstaddr` all pods of a node have the address of its interface: such a file is refused.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO, Final

import numpy as np

from collectors.errors import UnreadableInput, one_line
from collectors.formats.batch import Batch, Loss, batch_of, records_of
from collectors.formats.columns import Array, Columns, Field, Kind, Numbers, Texts
from collectors.formats.documents import json_documents
from collectors.formats.evidence import Seen, evidence, of_sum_flags
from collectors.formats.heads import HEAD, peek
from collectors.formats.json_lines import read_json
from collectors.formats.parquet import MAGIC, read_parquet
from collectors.formats.period import Period
from collectors.formats.pieces import stream_of
from collectors.formats.separated import Dialect, read_separated
from collectors.formats.sniffing import lines, outline

NAME: Final = "aws-vpc"

# Fields by the version that brought them, in the order of the documentation's table.
_V2: Final = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
    "start", "end", "action", "log-status",
)  # fmt: skip
_V3: Final = ("vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr")
_V4: Final = ("region", "az-id", "sublocation-type", "sublocation-id")
_V5: Final = ("pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path")
_LATER: Final = (
    "ecs-cluster-arn", "ecs-cluster-name", "ecs-container-instance-arn", "ecs-container-instance-id",
    "ecs-container-id", "ecs-second-container-id", "ecs-service-name", "ecs-task-definition-arn", "ecs-task-arn",
    "ecs-task-id", "reject-reason", "resource-id", "encryption-status",
)  # fmt: skip
_NAMES: Final = frozenset((*_V2, *_V3, *_V4, *_V5, *_LATER))
_HEADS: Final = _NAMES | {name.replace("-", "_") for name in _NAMES}
"""First values of headers, as AWS and as tables of Athena write them."""
_LEAST_NAMES: Final = 4
"""Names of fields in a header: fewer do not say who spoke to whom."""
RECOMMENDED: Final = (*_V2, "pkt-srcaddr", "pkt-dstaddr", "tcp-flags", "flow-direction")
"""The fields, in the order, that docs/formats/aws-vpc.md tells people to log."""
_ORDERS: Final = {
    len(order): order for order in (_V2, RECOMMENDED, (*_V2, *_V3), (*_V2, *_V3, *_V4), (*_V2, *_V3, *_V4, *_V5))
}
"""Orders that are known without a header, by their number of fields."""
_FIELDS: Final = {
    "start": Kind.TIME, "end": Kind.TIME, "protocol": Kind.TEXT, "pkt-srcaddr": Kind.TEXT, "pkt-dstaddr": Kind.TEXT,
    "srcport": Kind.NUMBER, "dstport": Kind.NUMBER, "packets": Kind.NUMBER, "bytes": Kind.NUMBER,
    "tcp-flags": Kind.NUMBER, "action": Kind.TEXT, "log-status": Kind.TEXT, "interface-id": Kind.TEXT,
}  # fmt: skip
_NEEDED: Final = ("start", "protocol", "dstport", "pkt-srcaddr", "pkt-dstaddr")
_STATUS: Final = ("OK", "NODATA", "SKIPDATA")
_TCP: Final = ("6",)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\S+|\d{13}|-").fullmatch
_MOST_BEFORE: Final = 2
"""Values before a record: CloudWatch's time, and the name of the log stream."""
_EVENT: Final = (Field.of("timestamp"), Field.of("message"))


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so has VPC flow logs; a Parquet file, if its end is not there to tell."""
    if head.startswith(MAGIC):
        return b"pkt_srcaddr" in head or b"interface_id" in head or len(head) >= HEAD
    found = outline(head)
    message = found.get("events[].message", found.get("message"))
    first = lines(head, 1) if message is None else [message]
    return bool(first) and _columns(first[0]) is not None


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all records.

    An interval without data is left out as `other_record`, one in which AWS skipped records as `gap`, and it is a
    loss. Raises UnreadableInput for a file whose fields are not known, or do not say which pods spoke.
    """
    return read_within(stream, None)


def read_within(stream: BinaryIO, period: Period | None) -> Iterator[Batch]:
    """Yield all records, as `read` does; those of Parquet outside of a period may be counted only."""
    head, stream = peek(stream)
    parts = _parquet(stream, period) if head.startswith(MAGIC) else _text(head, stream)
    for columns in parts:
        yield _batch(columns)


def _parquet(stream: BinaryIO, period: Period | None) -> Iterator[Columns]:
    """Yield a Parquet file's fields, which have underscores in their names."""
    fields = {Field.of(name.replace("-", "_"), kind): Field.of(name, kind) for name, kind in _FIELDS.items()}
    for columns in read_parquet(
        stream,
        list(fields),
        lambda names: _check([name.replace("_", "-") for name in names]),
        [Field.of("start", Kind.TIME)],
        period,
    ):
        yield replace(columns, fields={fields[field]: found for field, found in columns.fields.items()})


def _text(head: bytes, stream: BinaryIO) -> Iterator[Columns]:
    """Yield the fields of lines, be they in CloudWatch's events."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        head, stream = peek(stream_of(_messages(stream)))
    begun = next((line for line in head.removeprefix(b"\xef\xbb\xbf").splitlines() if line.strip()), None)
    if begun is None:
        return
    first = begun.decode("utf-8", "replace")
    columns = _columns(first)
    if columns is None:
        raise UnreadableInput(
            f"It is not known what fields these {len(first.split())} values are: {first[:60]!a}. Put a line "
            "with the names of the flow log's fields, as they are in its format but without ${}, before the records."
        )
    _check(columns)
    dialect = Dialect(" ", columns, _HEADS, header=_header)
    yield from read_separated(stream, [Field.of(name, kind) for name, kind in _FIELDS.items()], dialect)


def _messages(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the messages of CloudWatch's events as lines, behind their times."""
    for columns in read_json(json_documents(stream, ("events",)), _EVENT):
        time, message = (columns.texts(field) for field in _EVENT)
        told = [f"{time.at(row) or '-'} {message.at(row) or '-'}" for row in range(len(columns))]
        wrong = ["- -"] * len(columns.bad.numbers)
        yield "".join(f"{' '.join(line.split())}\n" for line in (*told, *wrong)).encode("utf-8", "replace")
        yield b""


def _columns(line: str) -> tuple[str, ...] | None:
    """Return the fields of a file by its first line: a header, or a record of a known order; None where neither."""
    names = _header(line)
    if names is not None:
        return names
    values = line.split()
    before = len(values) > 1 and bool(_TIME(values[0]))
    for offset in range(_MOST_BEFORE + 1 if before else 1):
        order = _ORDERS.get(len(values) - offset)
        if order and values[offset + order.index("log-status")] in _STATUS and values[offset].isdigit():
            return (*(f"before {at}" for at in range(offset)), *order)
    return None


def _header(line: str) -> tuple[str, ...] | None:
    """Return the fields of a header; None where a line is none. Names that AWS adds later are fields too."""
    names = tuple(value.replace("_", "-") for value in line.split())
    return names if len(_NAMES.intersection(names)) >= max(_LEAST_NAMES, len(names) // 2) else None


def _check(names: Sequence[str]) -> None:
    """Refuse a file without the fields that say who spoke to whom."""
    absent = [name for name in _NEEDED if name not in names]
    if not absent:
        return
    why = (
        "all pods of a node have the address of its network interface in them"
        if "srcaddr" in names and absent[0].startswith("pkt-")
        else "it takes them to say who spoke to whom"
    )
    raise UnreadableInput(
        f"These VPC flow logs have no {' and no '.join(absent)}: {why}. Create a flow log with the format "
        f"{' '.join(f'${{{name}}}' for name in RECOMMENDED)} and observe that one (docs/formats/aws-vpc.md)."
    )


def _batch(columns: Columns) -> Batch:
    def text(name: str) -> Texts:
        return columns.texts(Field.of(name))

    def number(name: str) -> Numbers:
        return columns.numbers(Field.of(name, _FIELDS[name]))

    protocol, packets, status = text("protocol"), number("packets"), text("log-status")
    source, destination = text("pkt-srcaddr"), text("pkt-dstaddr")
    records = records_of(
        columns,
        first=number("start"),
        last=number("end").or_else(number("start")),
        protocol=protocol,
        src=source,
        dst=destination,
        src_port=number("srcport"),
        dst_port=number("dstport"),
        evidence=_evidence(number("tcp-flags"), protocol, packets, text("action")),
        packets=packets,
        bytes=number("bytes"),
        # one connection is seen by the interfaces of both nodes
        reporter=text("interface-id"),
    )
    return batch_of(columns, records, _left_out(status, source, destination), losses=_losses(columns, status))


def _left_out(status: Texts, source: Texts, destination: Texts) -> Mapping[str, Array]:
    return {
        "gap": status.isin(("SKIPDATA",)),
        "other_record": status.isin(("NODATA",)),
        "incomplete": ~source.known | ~destination.known,
    }


def _evidence(flags: Numbers, protocol: Texts, packets: Numbers, action: Texts) -> Array:
    # ACCEPT is the word of security groups, and no evidence that anybody answered
    known = flags.known & protocol.isin(_TCP)
    bits = of_sum_flags(flags.values, known, packets, lone_ack=False)
    return bits | evidence(len(bits), (Seen.DENIED, action.isin(("REJECT",))))


def _losses(columns: Columns, status: Texts) -> Iterator[Loss]:
    for row in np.flatnonzero(status.isin(("SKIPDATA",))).tolist():
        start, end = (columns.numbers(Field.of(name, Kind.TIME)) for name in ("start", "end"))
        first, last = (int(time.values[row]) if time.known[row] else None for time in (start, end))
        where = columns.texts(Field.of("interface-id")).at(row) or "an interface"
        yield Loss(first, last, None, f"skipped by AWS at {one_line(where, 40)}")
