from collectors.capture.machine cimport wrapped
from collectors.formats.scan_layout cimport (
    ARENA, ARENA_CAPACITY, BLOCK, BLOCK_NUMBER, BLOCK_SEEN, ENTRIES, ENTRY_CAPACITY, ENTRY_WORDS, FIELDS, FIELD_WORDS,
    GROW, HASH, INDEX_MASK, KIND, LINE, LISTED, LOCAL, NUMBER, NUMBER_READ, OWNER, PLACE, PRESENT, RAW, ROW, ROWS, SIZE,
    SLOW, SLOW_LINES, SLOW_WORDS, TEXT,
)
from collectors.formats.scan_numbers cimport read_integer, read_time
from collectors.formats.scan_words cimport copy, head64, lines, same, word64

cdef unsigned long long digest(
    unsigned char *p, Py_ssize_t at, Py_ssize_t size, unsigned long long f
) noexcept nogil
cdef Py_ssize_t number_in_block(
    Py_ssize_t e, unsigned long long f, unsigned long long *s, unsigned long long *fields, unsigned long long *entries,
    unsigned int *listing
) noexcept nogil
cdef Py_ssize_t intern(
    unsigned char *p, Py_ssize_t at, Py_ssize_t size, unsigned long long f, unsigned long long *s,
    unsigned long long *fields, unsigned int *index, unsigned long long *entries, unsigned char *arena,
    unsigned int *listing
) noexcept nogil
cdef Py_ssize_t put(
    unsigned char *p, Py_ssize_t at, Py_ssize_t end, unsigned long long f, unsigned long long *s,
    unsigned long long *fields, unsigned int *index, unsigned long long *entries, unsigned char *arena,
    unsigned int *listing, unsigned long long *out, unsigned char *known
) noexcept nogil
cdef void forget_row(
    unsigned long long *s, unsigned long long *fields, unsigned long long *out, unsigned char *known
) noexcept nogil
cdef void note(Py_ssize_t start, Py_ssize_t end, unsigned long long *s, unsigned long long *slow) noexcept nogil
