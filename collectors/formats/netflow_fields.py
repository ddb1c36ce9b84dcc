"""Turns records of one template, as bytes one after the other, into columns by the names of information elements."""

import ipaddress
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np

from collectors.formats.columns import Array, Numbers, Texts
from collectors.formats.ipfix_elements import ELEMENTS, Element
from collectors.formats.netflow_wire import VARIABLE, Layout

_LONG: Final = 255
"""Length of a value that says: the next two bytes are its length (RFC 7011, section 7)."""
_MOST_BYTES: Final = 8
_MOST_TEXT: Final = 1 << 14
"""Bytes of a text that are kept: labels of a pod fit."""
_ADDRESSES: Final = (4, 16)


def spans(layout: Layout, content: bytes) -> Array:
    """Return where the whole records in a set's content begin, one row each; what follows them is padding or cut.

    Where fields vary in length, a row also has where the value of each such field begins and ends.
    """
    if not layout.varies:
        return np.arange(len(content) // layout.size, dtype=np.int64)[:, None] * layout.size
    runs, rows, at = _fixed_runs(layout), [], 0
    while at + layout.size <= len(content):
        row = _walk(runs, content, at)
        if row is None:
            break
        at = row.pop()
        rows.append(row)
    return np.array(rows, dtype=np.int64).reshape(len(rows), 2 * len(runs) - 1)


def _fixed_runs(layout: Layout) -> list[int]:
    """Return the bytes of the fixed fields before, between and after those that vary."""
    runs = [0]
    for _, length in layout.fields:
        if length == VARIABLE:
            runs.append(0)
        else:
            runs[-1] += length
    return runs


def _walk(runs: list[int], content: bytes, at: int) -> list[int] | None:
    """Return the row of a record that begins at a place, and then its end; None where it is cut."""
    row = [at]
    for fixed in runs[:-1]:
        at += fixed
        length = int.from_bytes(content[at : at + 1], "big")
        at += 1
        if length == _LONG:
            length = int.from_bytes(content[at : at + 2], "big")
            at += 2
        row += at, at + length
        at += length
        if at > len(content):
            return None
    row.append(at + runs[-1])
    return row if row[-1] <= len(content) else None


class Piece(NamedTuple):
    """The whole records of a set; `rows` as of `spans`, None where all records are of one length."""

    content: bytes
    records: int
    rows: Array | None


def piece_of(layout: Layout, content: bytes) -> Piece:
    """Return the whole records in a set's content."""
    if not layout.varies:
        count = len(content) // layout.size
        return Piece(content[: count * layout.size], count, None)
    rows = spans(layout, content)
    end = int(rows[-1, -1]) + _fixed_runs(layout)[-1] if len(rows) else 0
    return Piece(content[:end], len(rows), rows)


def joined(layout: Layout, pieces: list[Piece]) -> tuple[bytes, Array]:
    """Return contents one after the other, and the rows of all of them."""
    data = b"".join(piece.content for piece in pieces)
    if not layout.varies:
        return data, spans(layout, data)
    starts = accumulate((len(piece.content) for piece in pieces), initial=0)
    return data, np.concatenate(
        [piece.rows + start for piece, start in zip(pieces, starts, strict=False) if piece.rows is not None]
    )


class Fields:
    """The values of some records of one template; of an element that comes twice in it the first counts."""

    def __init__(self, layout: Layout, data: bytes, rows: Array) -> None:
        self._data, self._rows = data, rows
        self._bytes = np.frombuffer(data, dtype=np.uint8)
        self._places: dict[Element, tuple[int, int, int]] = {}
        column, offset = 0, 0
        for element, length in layout.fields:
            if length == VARIABLE:
                self._places.setdefault(element, (column + 1, 0, VARIABLE))
                column, offset = column + 2, 0
            else:
                self._places.setdefault(element, (column, offset, length))
                offset += length

    def __len__(self) -> int:
        return len(self._rows)

    def has(self, *names: str) -> bool:
        """Return whether the template has one of these elements."""
        return any(ELEMENTS[name] in self._places for name in names)

    def number(self, name: str) -> Numbers:
        """Return an unsigned element; missing where it is beyond 63 bits, or not in the template."""
        column, offset, length = self._places.get(ELEMENTS[name], (0, 0, 0))
        if not 0 < length <= _MOST_BYTES:
            return Numbers.none(len(self))
        cells = self._cells(column, offset, length)
        values = np.zeros(len(self), dtype=np.uint64)
        for place in range(length):
            values = (values << np.uint64(8)) | cells[:, place]
        made = values.astype(np.int64)
        return Numbers(np.where(made < 0, 0, made), made >= 0)

    def halves(self, name: str) -> tuple[Numbers, Numbers]:
        """Return the upper and the lower 32 bits of an element of 64."""
        column, offset, length = self._places.get(ELEMENTS[name], (0, 0, 0))
        if length != _MOST_BYTES:
            return Numbers.none(len(self)), Numbers.none(len(self))
        words = np.ascontiguousarray(self._cells(column, offset, length)).view(">u4").astype(np.int64)
        known = np.ones(len(self), dtype=bool)
        return Numbers(words[:, 0], known), Numbers(words[:, 1], known)

    def numbers(self, *names: str) -> Numbers:
        """Return the first of these elements that a record has."""
        found = self.number(names[0])
        for name in names[1:]:
            if self.has(name):
                found = found.or_else(self.number(name))
        return found

    def text(self, name: str) -> Texts:
        """Return an address as text, a string as it is, a number in digits; missing where it is empty."""
        column, _, length = self._places.get(ELEMENTS[name], (0, 0, 0))
        if length in _ADDRESSES and name.endswith(("IPv4Address", "IPv6Address", "ClusterIPv4", "ClusterIPv6")):
            return self._addresses(name)
        if length == VARIABLE:
            starts, ends = self._rows[:, column].tolist(), self._rows[:, column + 1].tolist()
            pieces = [self._data[start : min(end, start + _MOST_TEXT)] for start, end in zip(starts, ends, strict=True)]
            return _decoded(Texts.of(piece.decode("latin-1") for piece in pieces))
        found = self.number(name)
        distinct, codes = np.unique(found.values, return_inverse=True)
        return Texts(np.where(found.known, codes, -1), tuple(str(value) for value in distinct.tolist()))

    def address(self, name: str) -> Texts:
        """Return the address of an element in its two kinds, named without IPv4Address.

        Where a template has both, zeros stand for no address.
        """
        kinds = [f"{name}{kind}" for kind in ("IPv4Address", "IPv6Address")]
        if not all(map(self.has, kinds)):
            return self.text(next(filter(self.has, kinds), kinds[0]))
        four, six = (self.text(kind).map(set_address) for kind in kinds)
        return four.but(~four.known, six)

    def _addresses(self, name: str) -> Texts:
        column, offset, length = self._places[ELEMENTS[name]]
        cells = np.ascontiguousarray(self._cells(column, offset, length))
        # zeros at the end that numpy leaves off are put back: all are of one length
        distinct, codes = np.unique(cells.view(f"S{length}").ravel(), return_inverse=True)
        packed = [value.ljust(length, b"\0") for value in distinct.tolist()]
        return Texts(codes.astype(np.int64), tuple(str(ipaddress.ip_address(value)) for value in packed))

    def _cells(self, column: int, offset: int, length: int) -> Array:
        cells: Array = self._bytes[self._rows[:, column, None] + offset + np.arange(length)]
        return cells


def set_address(address: str) -> str | None:
    """Return an address; None for zeros, which exporters write where there is none."""
    return None if address in {"0.0.0.0", "::"} else address  # noqa: S104 - a value that is compared, nothing is bound


def _decoded(raw: Texts) -> Texts:
    return raw.map(lambda text: text.encode("latin-1").decode("utf-8", "replace").strip("\0") or None)
