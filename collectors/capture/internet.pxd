from collectors.capture.machine cimport big16, big32

cdef Py_ssize_t read_ipv4(
    unsigned char *p, Py_ssize_t at, Py_ssize_t cap, Py_ssize_t wire, unsigned long long *k
) noexcept nogil
cdef Py_ssize_t read_ipv6(
    unsigned char *p, Py_ssize_t at, Py_ssize_t cap, Py_ssize_t wire, unsigned long long *k
) noexcept nogil
cdef Py_ssize_t noise(unsigned long long *k) noexcept nogil
cdef Py_ssize_t find_inner(unsigned char *p, Py_ssize_t cap, unsigned long long *k) noexcept nogil
