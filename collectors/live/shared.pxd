# Memory that the Linux kernel writes while we look at it: a block's owner is read before, and written after, all else.
# `shared.py` is the same in Python.
cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #if defined(__GNUC__) || defined(__clang__)
    #define podfence_owner(p, at) __atomic_load_n((const uint32_t *) ((p) + (at)), __ATOMIC_ACQUIRE)
    #define podfence_hand_back(p, at) __atomic_store_n((uint32_t *) ((p) + (at)), 0, __ATOMIC_RELEASE)
    #else
    #define podfence_owner(p, at) (*(volatile const uint32_t *) ((p) + (at)))
    #define podfence_hand_back(p, at) (*(volatile uint32_t *) ((p) + (at)) = 0)
    #endif
    #define podfence_copy(out, to, p, at, size) ((void) memcpy((out) + (to), (p) + (at), (size_t) (size)))
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define podfence_big_machine() 1
    #else
    #define podfence_big_machine() 0
    #endif
    """
    unsigned int owner "podfence_owner" (const unsigned char *p, Py_ssize_t at) noexcept nogil
    void hand_back "podfence_hand_back" (unsigned char *p, Py_ssize_t at) noexcept nogil
    void copy "podfence_copy" (
        unsigned char *out, Py_ssize_t to, const unsigned char *p, Py_ssize_t at, Py_ssize_t size) noexcept nogil
    int is_big "podfence_big_machine" () noexcept nogil
