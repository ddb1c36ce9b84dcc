from collectors.capture.layout cimport (
    BYTES_A, BYTES_B, FIRST, FLAGS, FREE_PIECE, HEARD, HIGH_A, HIGH_B, IN_BUCKET, LAST, LATEST, LOW_A, LOW_B, NUMBERS,
    PIECES, PORTS, ROWS, SOURCE, WAITING,
)
from collectors.capture.machine cimport low32, wrapped

cdef void close_bucket(
    unsigned long long *conv, Py_ssize_t c, unsigned long long *s, unsigned long long *pieces, unsigned long long *rows
) noexcept nogil
cdef bint is_over(unsigned long long *conv, Py_ssize_t c, long long now) noexcept nogil
cdef void restart(
    unsigned long long *conv, Py_ssize_t c, unsigned long long opener, unsigned long long time,
    unsigned long long bucket
) noexcept nogil
cdef void fold(
    unsigned long long *conv, Py_ssize_t c, unsigned long long *s, unsigned long long *pieces, unsigned long long *rows
) noexcept nogil
cdef void open_or_reopen(
    unsigned long long *conv, Py_ssize_t c, unsigned long long side, unsigned long long bits, unsigned long long seq,
    unsigned long long ack, unsigned long long time, unsigned long long bucket, unsigned long long *s,
    unsigned long long *pieces, unsigned long long *rows
) noexcept nogil
