"""Turns what the compiled scanner writes for a block of lines into columns; keeps its table of texts for a stream."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from collectors.formats.columns import Array, Bad, Columns, Field, Kind, Numbers, Texts
from collectors.formats.lines import Line, Stretch
from collectors.formats.scan_layout import (
    ARENA,
    ARENA_CAPACITY,
    BLOCK,
    END,
    ENTRIES,
    ENTRY_CAPACITY,
    ENTRY_WORDS,
    FIELD_WORDS,
    FIELDS,
    GUESSES,
    INDEX_MASK,
    KIND,
    LINE,
    LISTED,
    LOCAL,
    NEXT_FIELD,
    NUMBER,
    OWNER,
    PADDING,
    PLACE,
    POSITION,
    PRESENT,
    RAW,
    ROW,
    ROWS,
    SIZE,
    SLOW_LINES,
    SLOW_WORDS,
    STATE_WORDS,
    TEXT,
    TIME,
)
from collectors.formats.scan_text import reindex
from collectors.memory import numbers, words

_KINDS = {Kind.TEXT: TEXT, Kind.RAW: RAW, Kind.NUMBER: NUMBER, Kind.TIME: TIME, Kind.PRESENT: PRESENT}
_FEWEST_ENTRIES = 1 << 12
_LEAST_ARENA = 1 << 20
_MOST_ENTRIES = 1 << 18
_MOST_ARENA = 1 << 25
"""Where a table of texts is thrown away: some columns have a new text in every line."""


class Tables:
    """The arrays that the scanner works in, as `scan_layout` names their words.

    `read` turns the bytes of a text and its kind into the text, None where it says nothing.
    """

    arena: bytearray
    entries: "memoryview[int]"
    listing: "memoryview[int]"
    index: "memoryview[int]"
    guesses: "memoryview[int]"

    def __init__(self, fields: Sequence[Field], read: Callable[[bytes, Kind], str | None]) -> None:
        self._wanted = tuple(dict.fromkeys(fields))
        self._read = read
        self.state = words(STATE_WORDS)
        self.fields = words(FIELD_WORDS * (len(self._wanted) + 1))
        for at, field in enumerate(self._wanted):
            self.fields[at * FIELD_WORDS + KIND] = _KINDS[field.kind]
        self.state[FIELDS] = len(self._wanted)
        self._begin_texts()

    def chain(self, number: int, first: int) -> int:
        """Put a field before the first + 1 of its node or column; return it as the first + 1."""
        self.fields[number * FIELD_WORDS + NEXT_FIELD] = first
        return number + 1

    def begin(self, stretch: Stretch) -> None:
        """Make ready for some lines."""
        self.text, rows = stretch.text, stretch.lines
        self._cells = np.zeros((len(self._wanted) + 1, rows), dtype=np.int64)
        self._known = np.zeros((len(self._wanted) + 1, rows), dtype=np.uint8)
        for at, field in enumerate(self._wanted):
            self.fields[at * FIELD_WORDS + LOCAL] = 0
            if field.kind in {Kind.TEXT, Kind.RAW}:
                self._cells[at] = -1
        self.out = self._cells.view(np.uint64).reshape(-1).data
        self.known = self._known.reshape(-1).data
        self.slow = words(SLOW_WORDS * rows)
        places = {POSITION: stretch.start, END: stretch.end, LINE: stretch.number, ROW: 0, ROWS: rows}
        for word, value in {**places, SLOW_LINES: 0, LISTED: 0, BLOCK: self.state[BLOCK] + 1}.items():
            self.state[word] = value

    def grow(self) -> None:
        """Make room for more texts."""
        if self.state[ENTRIES] < self.state[ENTRY_CAPACITY]:
            self.arena, arena = bytearray(2 * self.state[ARENA_CAPACITY] + PADDING), self.arena
            self.arena[: len(arena)] = arena
            self.state[ARENA_CAPACITY] *= 2
            return
        room = 2 * self.state[ENTRY_CAPACITY]
        self.entries = words(room * ENTRY_WORDS, self.entries)
        self.listing, listing = numbers(room), self.listing
        self.listing[: len(listing)] = listing
        self._index_entries(room)

    def slow_lines(self) -> Iterator[Line]:
        """Yield the lines that were left to Python since this was asked last."""
        for at in range(0, self.state[SLOW_LINES] * SLOW_WORDS, SLOW_WORDS):
            number, start, end = self.slow[at : at + SLOW_WORDS]
            yield Line(number, bytes(self.text[start:end]).removesuffix(b"\r"))
        self.state[SLOW_LINES] = 0

    def leave_line(self) -> None:
        """Leave the next line to Python."""
        at, start = self.state[SLOW_LINES] * SLOW_WORDS, self.state[POSITION]
        end = self.text.index(b"\n", start)
        for word, value in enumerate((self.state[LINE], start, end), at):
            self.slow[word] = value
        self.state[SLOW_LINES] += 1
        self.state[LINE] += 1
        self.state[POSITION] = end + 1

    def columns(self) -> Columns:
        """Return the rows of the block; distinct texts may be among its values that only slow lines have."""
        rows = self.state[ROW]
        self._read_texts()
        listed = np.array(self.listing[: self.state[LISTED]], dtype=np.int64)
        owners = np.array(self.entries, copy=False).reshape(-1, ENTRY_WORDS)[listed, OWNER]
        made: dict[Field, Texts | Numbers | Array] = {}
        for at, field in enumerate(self._wanted):
            cells, known = self._cells[at, :rows], self._known[at, :rows].view(np.bool_)
            if field.kind in {Kind.TEXT, Kind.RAW}:
                # two ways to write a text are one text
                made[field] = Texts.numbered(cells, [self._texts[entry] for entry in listed[owners == at].tolist()])
            else:
                made[field] = known if field.kind is Kind.PRESENT else Numbers(cells, known)
        number = self._cells[len(self._wanted), :rows]
        if self.state[ENTRIES] > _MOST_ENTRIES or self.state[ARENA] > _MOST_ARENA:
            self._begin_texts()
        return Columns(number, made, Bad(np.zeros(0, dtype=np.int64), ()))

    def _begin_texts(self) -> None:
        self._texts: list[str | None] = []
        self.entries = words(_FEWEST_ENTRIES * ENTRY_WORDS)
        self.listing = numbers(_FEWEST_ENTRIES)
        self.arena = bytearray(_LEAST_ARENA + PADDING)
        self.guesses = numbers(GUESSES)
        for word, value in ((ENTRIES, 0), (ARENA, 0), (ARENA_CAPACITY, _LEAST_ARENA)):
            self.state[word] = value
        self._index_entries(_FEWEST_ENTRIES)

    def _index_entries(self, room: int) -> None:
        self.index = numbers(2 * room)
        self.state[ENTRY_CAPACITY], self.state[INDEX_MASK] = room, 2 * room - 1
        reindex(self.index, self.entries, self.state[ENTRIES])

    def _read_texts(self) -> None:
        """Read the texts that are new."""
        for at in range(len(self._texts) * ENTRY_WORDS, self.state[ENTRIES] * ENTRY_WORDS, ENTRY_WORDS):
            place, kind = self.entries[at + PLACE], self._wanted[self.entries[at + OWNER]].kind
            self._texts.append(self._read(bytes(self.arena[place : place + self.entries[at + SIZE]]), kind))
