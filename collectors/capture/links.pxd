from collectors.capture.machine cimport big16, big32, word

cdef Py_ssize_t find_ip(
    unsigned char *p, Py_ssize_t at, Py_ssize_t cap, Py_ssize_t wire, Py_ssize_t link, unsigned long long *k
) noexcept nogil
