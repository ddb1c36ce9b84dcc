from collectors.formats.scan_layout cimport ESCAPED, SLOW
from collectors.formats.scan_numbers cimport past_digits
from collectors.formats.scan_words cimport past_blanks, plain_end

cdef Py_ssize_t string_end(unsigned char *p, Py_ssize_t at, unsigned long long *s) noexcept nogil
cdef Py_ssize_t past_value(unsigned char *p, Py_ssize_t at, unsigned long long *s) noexcept nogil
