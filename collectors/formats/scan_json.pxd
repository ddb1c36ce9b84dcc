from collectors.formats.scan_grammar cimport past_value, string_end
from collectors.formats.scan_layout cimport (
    BLOCK_NUMBER, CHILD, DONE, END, ENTRY_WORDS, ESCAPED, FIELDS, FIELD_WORDS, GROW, GUESSES, KEY, KEY_PLACE, KEY_SIZE,
    KIND, LINE, NEXT_FIELD, NODE_FIELD, NODE_WORDS, OWNER, PLACE, POSITION, PRESENT, RAW, ROW, ROWS, SEEN, SERIAL,
    SIBLING, SIZE, SLOW, TEXT,
)
from collectors.formats.scan_text cimport digest, forget_row, intern, note, number_in_block, put
from collectors.formats.scan_words cimport head64, line_end, past_blanks, same

cdef Py_ssize_t _read_object(
    unsigned char *p, Py_ssize_t at, Py_ssize_t n, unsigned long long *s, unsigned long long *fields,
    unsigned long long *nodes, unsigned char *keys, unsigned int *index, unsigned long long *entries,
    unsigned char *arena, unsigned int *guesses, unsigned int *listing, unsigned long long *out, unsigned char *known
) noexcept nogil
