# The names of `scan_layout.py` as constants of the compiler.
cdef enum:
    POSITION = 0, END = 1, LINE = 2, ROW = 3, ROWS = 4, SERIAL = 5, SLOW_LINES = 6, ENTRIES = 7, ENTRY_CAPACITY = 8,
    INDEX_MASK = 9, ARENA = 10, ARENA_CAPACITY = 11, BLOCK = 12, LISTED = 13, ESCAPED = 14, NUMBER_READ = 15,
    SEPARATOR = 16, QUOTED = 17, LEAST = 18, MOST = 19, FIELDS = 20,
    STATE_WORDS = 21,
    KIND = 0, LOCAL = 1, NEXT_FIELD = 2,
    FIELD_WORDS = 3,
    TEXT = 0, RAW = 1, NUMBER = 2, TIME = 3, PRESENT = 4,
    SIBLING = 0, CHILD = 1, KEY = 2, KEY_SIZE = 3, KEY_PLACE = 4, NODE_FIELD = 5, SEEN = 6,
    NODE_WORDS = 7,
    HASH = 0, PLACE = 1, SIZE = 2, OWNER = 3, BLOCK_SEEN = 4, BLOCK_NUMBER = 5,
    ENTRY_WORDS = 6,
    SLOW_WORDS = 3,
    GUESSES = 4096,
    PADDING = 64,
    SLOW = -1, GROW = -2,
    DONE = 0, HEADER = 1
