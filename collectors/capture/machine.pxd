# What the processor does in one step and Cython has no word for: loads of unaligned words in either byte order, and a
# hint that a line of memory will be wanted soon. `machine.py` is the same in Python. memcpy and the builtins, since
# compilers make one instruction of each; where the bytes are put together by hand, they often do not.
cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #if defined(__GNUC__) || defined(__clang__)
    #define podfence_prefetch(address) __builtin_prefetch(address)
    #define podfence_swap16 __builtin_bswap16
    #define podfence_swap32 __builtin_bswap32
    #else
    #define podfence_prefetch(address) ((void) (address))
    static inline uint16_t podfence_swap16(uint16_t x) { return (uint16_t) (x >> 8 | x << 8); }
    static inline uint32_t podfence_swap32(uint32_t x) {
        return x >> 24 | (x >> 8 & 0xFF00u) | (x << 8 & 0xFF0000u) | x << 24;
    }
    #endif
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define podfence_is_big 1
    #else
    #define podfence_is_big 0
    #endif
    static inline unsigned int podfence_big16(const unsigned char *p, Py_ssize_t at) {
        uint16_t x;
        memcpy(&x, p + at, 2);
        return podfence_is_big ? x : podfence_swap16(x);
    }
    static inline unsigned long long podfence_big32(const unsigned char *p, Py_ssize_t at) {
        uint32_t x;
        memcpy(&x, p + at, 4);
        return podfence_is_big ? x : podfence_swap32(x);
    }
    static inline unsigned long long podfence_word(const unsigned char *p, Py_ssize_t at, int swapped) {
        uint32_t x;
        memcpy(&x, p + at, 4);
        return swapped != podfence_is_big ? podfence_swap32(x) : x;
    }
    #define podfence_wrapped(x) (x)
    #define podfence_low32(x) ((uint32_t) (x))
    """
    unsigned int big16 "podfence_big16" (const unsigned char *p, Py_ssize_t at) noexcept nogil
    unsigned long long big32 "podfence_big32" (const unsigned char *p, Py_ssize_t at) noexcept nogil
    unsigned long long word "podfence_word" (const unsigned char *p, Py_ssize_t at, int swapped) noexcept nogil
    unsigned long long wrapped "podfence_wrapped" (unsigned long long x) noexcept nogil
    unsigned long long low32 "podfence_low32" (unsigned long long x) noexcept nogil
    void prefetch "podfence_prefetch" (const void *address) noexcept nogil
