"""Turns Zeek's conn.log into batches: tab-separated with headers, and JSON lines.

Format: https://docs.zeek.org/en/master/scripts/base/protocols/conn/main.zeek.html; docs/formats/zeek.md says how it is
switched on. The letters of `history` are what packets showed, so they count before `conn_state`: to Zeek a connection
is established as soon as it is answered.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO, Final

import numpy as np

from collectors.formats.batch import Batch, Loss, batch_of, records_of
from collectors.formats.columns import Array, Columns, Field, Kind, Numbers, Texts
from collectors.formats.evidence import Seen, evidence
from collectors.formats.heads import peek
from collectors.formats.icmp import not_conversations, of_family
from collectors.formats.json_lines import read_json
from collectors.formats.protocols import has_ports, protocol_name
from collectors.formats.separated import Dialect, read_separated
from collectors.formats.sniffing import lines, outline

NAME: Final = "zeek"

_FIELDS: Final = {
    "ts": Kind.TIME, "duration": Kind.TIME, "_path": Kind.TEXT, "_system_name": Kind.TEXT, "proto": Kind.TEXT,
    "ip_proto": Kind.TEXT, "service": Kind.TEXT, "conn_state": Kind.TEXT, "history": Kind.TEXT,
    **{f"id.{end}_h": Kind.TEXT for end in ("orig", "resp")},
    **{f"id.{end}_p": Kind.NUMBER for end in ("orig", "resp")},
    **{f"{end}_{what}": Kind.NUMBER for end in ("orig", "resp") for what in ("bytes", "pkts", "ip_bytes")},
    "missed_bytes": Kind.NUMBER,
}  # fmt: skip
_OF_CONNECTIONS: Final = ("conn_state", "history", "orig_pkts")
"""Fields of which conn.log has at least one, and no other log any."""
_TUNNELS: Final = frozenset({"vxlan", "geneve"})
_LONGEST: Final = 10**18
"""Nanoseconds of a connection; more is nonsense, and a sum with a time would leave 64 bits."""

_HEX: Final = re.compile(r"\\x([0-9a-fA-F]{2})")
_STATES: Final = {
    "SF": Seen.BEGAN | Seen.WORKED, "S2": Seen.BEGAN | Seen.WORKED, "REJ": Seen.BEGAN | Seen.REFUSED,
    "S0": Seen.BEGAN | Seen.UNANSWERED, "SH": Seen.BEGAN | Seen.UNANSWERED, "RSTOS0": Seen.BEGAN | Seen.UNANSWERED,
    "S1": Seen.BEGAN, "S3": Seen.BEGAN, "RSTO": Seen.BEGAN, "RSTR": Seen.BEGAN,
}  # fmt: skip
"""What the state of a TCP connection says where there is no history; answered is not yet established."""


def sniff(head: bytes) -> bool:
    """Return whether a file that begins so is a conn.log, or JSON lines of several logs with connections among them."""
    first = lines(head)
    if first and first[0].lstrip().startswith("{"):
        return any(_is_connection(outline(line.encode()).keys()) for line in first)
    separator = _separator(first)
    return any(_is_connection(_names(line, separator)) for line in first if _is_header(line))


def read(stream: BinaryIO) -> Iterator[Batch]:
    """Yield all records; lines of other logs are left out, and missed bytes are a loss beside their connection."""
    head, stream = peek(stream)
    fields = [Field(path, kind) for name, kind in _FIELDS.items() for path in _spellings(name)]
    first = lines(head)
    if any(line.lstrip().startswith("{") for line in first[:2]):
        stretches = read_json(stream, fields)
    else:
        stretches = read_separated(stream, fields, _dialect(_separator(first)))
    for columns in stretches:
        yield _batch(_Connections(columns), columns)


def _is_connection(names: Collection[str]) -> bool:
    found = {name.replace("id_", "id.") for name in names}
    return {"ts", "proto", "id.orig_h", "id.resp_h"} <= found and not found.isdisjoint(_OF_CONNECTIONS)


def _separator(first: Sequence[str]) -> str:
    """Return the character between values, which `#separator` writes as a backslash, x and two digits, or as it is."""
    for line in first:
        if line.startswith("#separator "):
            written = _HEX.sub(lambda match: chr(int(match[1], 16)), line.removeprefix("#separator "))
            return written if len(written) == 1 and written.isascii() else "\t"
    return "\t"


def _is_header(line: str) -> bool:
    return line.startswith(("#fields", "ts"))


def _names(line: str, separator: str) -> list[str]:
    names = line.rstrip("\r\n").split(separator)
    return names[1:] if names[0] == "#fields" else names


def _dialect(separator: str) -> Dialect:
    """Return how the lines are written; a log without `#` lines (`tsv`) begins with the names, ts first."""
    return Dialect(
        separator,
        heads=frozenset({"ts"}),
        comment="#",
        header=lambda line: _names(line, separator) if _is_header(line) else None,
    )


def _spellings(name: str) -> list[tuple[str, ...]]:
    """Return the paths a field is found at: `id` is a record, which `Log::default_scope_sep` may join otherwise."""
    return [(name,), (name.replace(".", "_"),), tuple(name.split("."))] if "." in name else [(name,)]


class _Connections:
    """The fields of connections, however their names are spelt."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def text(self, name: str) -> Texts:
        first, *others = (self._columns.texts(Field(path, _FIELDS[name])) for path in _spellings(name))
        for other in others:
            first = first.but(other.known, other)
        return first

    def number(self, name: str) -> Numbers:
        first, *others = (self._columns.numbers(Field(path, _FIELDS[name])) for path in _spellings(name))
        for other in others:
            first = first.or_else(other)
        return first


def _batch(connections: _Connections, columns: Columns) -> Batch:
    time, length = connections.number("ts"), connections.number("duration")
    length = length.where(length.values < _LONGEST)
    last = Numbers(time.values + length.values, time.known)
    source, named = connections.text("id.orig_h"), connections.text("proto")
    number = connections.text("ip_proto")
    protocol = of_family(named.but(number.known, number), source)
    ports = [connections.number(f"id.{end}_p") for end in ("orig", "resp")]
    records = records_of(
        columns,
        first=time,
        last=last,
        protocol=protocol,
        src=source,
        dst=connections.text("id.resp_h"),
        src_port=ports[0],
        dst_port=ports[1],
        evidence=_evidence(connections, protocol),
        packets=connections.number("orig_pkts"),
        bytes=connections.number("orig_ip_bytes"),
        reply_packets=connections.number("resp_pkts"),
        reply_bytes=connections.number("resp_ip_bytes"),
        reporter=connections.text("_system_name"),
    )
    unknown = named.isin(("unknown_transport",))
    portless = unknown & protocol.each(lambda text: has_ports(protocol_name(text) or ""), missing=True)
    return batch_of(
        columns,
        records,
        {
            "other_record": _is_other(connections),
            **not_conversations(protocol, ports[0]),
            # of a transport that Zeek does not read there are no ports, and before version 8 not even its number
            "incomplete": portless | (unknown & ~number.known),
        },
        losses=_losses(connections, time, last),
    )


def _is_other(connections: _Connections) -> Array:
    """Return where a record is of another log, or of a tunnel whose inner connections are records of their own."""
    log = connections.text("_path")
    state, history = connections.text("conn_state"), connections.text("history")
    said = state.known | history.known | connections.number("orig_pkts").known
    tunnel = connections.text("service").each(lambda text: not _TUNNELS.isdisjoint(text.split(",")), missing=False)
    return (log.known & ~log.isin(("conn",))) | ~said | tunnel


def _evidence(connections: _Connections, protocol: Texts) -> Array:
    state, history = connections.text("conn_state"), connections.text("history")
    tcp = protocol.each(lambda text: protocol_name(text) == "TCP", missing=False)
    flipped = history.each(lambda letters: "^" in letters, missing=False) | (~tcp & state.isin(("SHR",)))
    garbled = history.each(lambda letters: "c" in letters.lower(), missing=False)
    answer = connections.number("resp_pkts")
    payload = [connections.number(f"{end}_bytes") for end in ("orig", "resp")]
    both = (payload[0].values > 0) & (payload[1].values > 0)
    bare = tcp & ~history.known
    bits = np.where(tcp, history.each(_of_history, 0), 0) | np.where(bare, state.look_up(_STATES, Seen(0)), 0)
    return bits | evidence(
        len(bits),
        (Seen.WORKED, bare & both & state.isin(("S1", "S3", "RSTO", "RSTR"))),
        (Seen.DOUBTED, flipped),
        (Seen.BEGAN, ~tcp & ~flipped),
        (Seen.WORKED, ~tcp & state.isin(("SF",))),
        (Seen.UNANSWERED, ~tcp & ~garbled & state.isin(("S0",))),
        # nothing can be concluded from silence
        (Seen.CARRIED, ~tcp & (garbled | ~(answer.known | state.isin(("S0", "SF"))))),
    )


def _of_history(letters: str) -> int:
    """Return the bits of a TCP connection by its history: upper case is the originator, lower case the responder.

    S: SYN, H: SYN with ACK, A: ACK, D: data, F: FIN, R: RST, C: a packet left out for its checksum, ^: ends exchanged.
    """
    seen = set(letters)
    bits, replied, garbled = Seen(0), bool(seen & set("hadf")), bool(seen & set("cC"))
    carried = bool(seen & set("AD")) or ("F" in seen and replied)
    if "^" not in seen:
        bits |= Seen.BEGAN if "S" in seen else Seen(0)
        bits |= Seen.OPENED if seen & set("Sh") else Seen.ANSWERED if seen & set("sH") else Seen(0)
    if carried:
        bits |= Seen.CARRIED | (Seen.WORKED if replied else Seen(0))
    elif garbled:
        bits |= Seen(0) if replied else Seen.CARRIED
    elif "h" in seen and seen & set("SR"):
        bits |= Seen.HALF_OPEN
    elif "S" in seen and not replied:
        bits |= Seen.REFUSED if "r" in seen else Seen.UNANSWERED
    # one side alone may be all that the sensor sees
    return int(bits | (Seen.SHOWN if replied or not (carried or garbled) else Seen(0)))


def _losses(connections: _Connections, time: Numbers, last: Numbers) -> Iterator[Loss]:
    """Yield each stretch of time in which connections missed bytes."""
    missed = connections.number("missed_bytes")
    rows = np.flatnonzero((missed.values > 0) & time.known)
    rows = rows[np.argsort(time.values[rows], kind="stable")]
    if not len(rows):
        return
    ends = np.maximum.accumulate(last.values[rows])
    starts = np.flatnonzero(np.append(True, time.values[rows][1:] > ends[:-1]))
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True):
        size = int(np.minimum(missed.values[rows[start:stop]], 1 << 40).sum())
        yield Loss(int(time.values[rows[start]]), int(ends[stop - 1]), None, f"lost with {size} missed bytes")
