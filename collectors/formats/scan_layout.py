"""Turns the places in the arrays of the log scanner into names; `scan_layout.pxd` has them for the compiler.

State: what stands between calls; the tables it tells of are those of `scan_tables`.
Field: kind, distinct values in this block, the next field of the same node or column + 1.
Node (a key of a wanted path; the first is the document): next sibling, first child, the key's first 8 bytes, its
size, where it stands in all keys, first field + 1, line in which it was seen.
Entry (a distinct value of a TEXT or RAW field): hash, place in the arena, size, field, block in which it was seen
last, its number there.
Cell: `out` and `known` have a column for each field, and `out` one more for the number of the line.
Slow (a line that only Python understands): number, start, end.
"""

# state
POSITION, END, LINE, ROW, ROWS, SERIAL, SLOW_LINES = range(7)
ENTRIES, ENTRY_CAPACITY, INDEX_MASK, ARENA, ARENA_CAPACITY, BLOCK, LISTED = range(7, 14)
ESCAPED, NUMBER_READ = 14, 15
SEPARATOR, QUOTED, LEAST, MOST, FIELDS = range(16, 21)
STATE_WORDS = 21

KIND, LOCAL, NEXT_FIELD = range(3)
FIELD_WORDS = 3
TEXT, RAW, NUMBER, TIME, PRESENT = range(5)

SIBLING, CHILD, KEY, KEY_SIZE, KEY_PLACE, NODE_FIELD, SEEN = range(7)
NODE_WORDS = 7

HASH, PLACE, SIZE, OWNER, BLOCK_SEEN, BLOCK_NUMBER = range(6)
ENTRY_WORDS = 6

SLOW_WORDS = 3
GUESSES = 4096
PADDING = 64
"""Bytes that may be read behind the last line end: what the processor loads at once ends somewhere in them."""

SLOW, GROW = -1, -2
"""What functions return in the place of an end."""
DONE, HEADER = 0, 1
"""What a scan returns, beside GROW."""
