from collectors.capture.machine cimport wrapped
from collectors.formats.scan_layout cimport NUMBER_READ, SLOW

cdef Py_ssize_t past_digits(unsigned char *p, Py_ssize_t at) noexcept nogil
cdef Py_ssize_t read_integer(unsigned char *p, Py_ssize_t at, Py_ssize_t end, unsigned long long *s) noexcept nogil
cdef Py_ssize_t read_time(unsigned char *p, Py_ssize_t at, Py_ssize_t end, unsigned long long *s) noexcept nogil
