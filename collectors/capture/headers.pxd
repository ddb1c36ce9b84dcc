from collectors.capture.internet cimport find_inner, noise, read_ipv4, read_ipv6
from collectors.capture.layout cimport OUTER, TCP_SAYS
from collectors.capture.links cimport find_ip
from collectors.capture.machine cimport big16, big32, low32

cdef Py_ssize_t read_headers(
    unsigned char *p, Py_ssize_t at, Py_ssize_t cap, Py_ssize_t wire, Py_ssize_t link, unsigned long long *k
) noexcept nogil
