from collectors.capture.headers cimport read_headers
from collectors.capture.layout cimport (
    COUNTS, END, FULL, HELD, INTERFACES, MORE, ODD, PACKETS, PAYLOAD, POSITION, REFUSAL, RING_WORDS, SAMPLES, SEEN_MASK,
    SEVERAL, START, TCP_SAYS, TIME, UNTIMED, VXLAN_A, VXLAN_B,
)
from collectors.capture.machine cimport big16, big32, low32, word, wrapped

cdef unsigned long long digest(
    unsigned long long a0, unsigned long long a1, unsigned long long b0, unsigned long long b1,
    unsigned long long ports
) noexcept nogil
cdef int read_records(
    unsigned char *p, Py_ssize_t end, int form, bint swapped, Py_ssize_t extra, unsigned long long *s,
    unsigned long long *k, unsigned long long *faces, unsigned long long *seen, unsigned long long *ring,
    Py_ssize_t limit
) noexcept nogil
