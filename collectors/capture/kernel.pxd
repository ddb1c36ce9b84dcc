# What the compiler has and Cython has no word for: a hint that a line of memory will be wanted soon.
cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define podfence_prefetch(address) __builtin_prefetch(address)
    #else
    #define podfence_prefetch(address) ((void) (address))
    #endif
    """
    void prefetch "podfence_prefetch" (const void* address) nogil
