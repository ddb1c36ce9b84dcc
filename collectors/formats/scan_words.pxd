# What the processor does in a few steps and Cython has no word for: loads and comparisons of many bytes at once.
# `scan_words.py` is the same in Python. With SSE2, which every x86-64 has, 16 bytes are looked at together; elsewhere
# the compiler makes of the plain loops what it can. Loads may go up to 15 bytes behind what is asked for: PADDING.
cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #if defined(__SSE2__) && (defined(__GNUC__) || defined(__clang__))
    #include <emmintrin.h>
    #define podfence_sse2 1
    #else
    #define podfence_sse2 0
    #endif
    static inline uint64_t podfence_word64(const unsigned char *p, Py_ssize_t at) {
        uint64_t x;
        memcpy(&x, p + at, 8);
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        x = __builtin_bswap64(x);
    #endif
        return x;
    }
    static inline uint64_t podfence_head64(const unsigned char *p, Py_ssize_t at, Py_ssize_t size) {
        uint64_t x = podfence_word64(p, at);
        return size >= 8 ? x : size <= 0 ? 0 : x & (~(uint64_t) 0 >> (64 - 8 * size));
    }
    static inline int podfence_same(
        const unsigned char *p, Py_ssize_t at, const unsigned char *q, Py_ssize_t place, Py_ssize_t size
    ) {
        if (size > 16) return memcmp(p + at, q + place, (size_t) size) == 0;
        if (size < 8) return podfence_head64(p, at, size) == podfence_head64(q, place, size);
        return podfence_word64(p, at) == podfence_word64(q, place)
            && podfence_word64(p, at + size - 8) == podfence_word64(q, place + size - 8);
    }
    static inline void podfence_copy(
        const unsigned char *p, Py_ssize_t at, unsigned char *q, Py_ssize_t place, Py_ssize_t size
    ) {
        memcpy(q + place, p + at, (size_t) size);
    }
    static inline Py_ssize_t podfence_past_blanks(const unsigned char *p, Py_ssize_t at) {
        while (p[at] == 32 || p[at] == 9 || p[at] == 13) at++;
        return at;
    }
    static inline Py_ssize_t podfence_plain_end(const unsigned char *p, Py_ssize_t at) {
    #if podfence_sse2
        const __m128i quote = _mm_set1_epi8('"'), escape = _mm_set1_epi8('\\\\'), blank = _mm_set1_epi8(32);
        for (;; at += 16) {
            __m128i x = _mm_loadu_si128((const __m128i *) (p + at));
            /* bytes of 128 and more are negative, so they are less than a blank too */
            int found = _mm_movemask_epi8(_mm_or_si128(
                _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, escape)), _mm_cmplt_epi8(x, blank)));
            if (found) return at + __builtin_ctz((unsigned) found);
        }
    #else
        while (p[at] != '"' && p[at] != '\\\\' && p[at] >= 32 && p[at] < 128) at++;
        return at;
    #endif
    }
    static inline uint64_t podfence_marks(const unsigned char *p, Py_ssize_t at, int separator, int quote) {
        uint64_t found = 0;
    #if podfence_sse2
        const __m128i between = _mm_set1_epi8((char) separator), quotes = _mm_set1_epi8((char) quote);
        const __m128i feed = _mm_set1_epi8(10), back = _mm_set1_epi8(13);
        for (int n = 0; n < 4; n++) {
            __m128i x = _mm_loadu_si128((const __m128i *) (p + at + 16 * n));
            __m128i marked = _mm_or_si128(
                _mm_or_si128(_mm_cmpeq_epi8(x, between), _mm_cmpeq_epi8(x, quotes)),
                _mm_or_si128(_mm_cmpeq_epi8(x, feed), _mm_cmpeq_epi8(x, back)));
            found |= (uint64_t) (unsigned) _mm_movemask_epi8(_mm_or_si128(x, marked)) << (16 * n);
        }
    #else
        for (int n = 0; n < 64; n++) {
            int c = p[at + n];
            found |= (uint64_t) (c == separator || c == quote || c == 10 || c == 13 || c > 127) << n;
        }
    #endif
        return found;
    }
    static inline int podfence_lowest(uint64_t x) {
    #if defined(__GNUC__) || defined(__clang__)
        return __builtin_ctzll(x);
    #else
        int n = 0;
        while (!(x >> n & 1)) n++;
        return n;
    #endif
    }
    static inline Py_ssize_t podfence_lines(const unsigned char *p, Py_ssize_t at, Py_ssize_t end) {
        Py_ssize_t count = 0;
    #if podfence_sse2
        const __m128i feed = _mm_set1_epi8(10), zero = _mm_setzero_si128();
        while (at + 16 <= end) {
            /* a byte counts up to 255, then all are added up */
            Py_ssize_t last = end - at > 16 * 255 ? at + 16 * 255 : end;
            __m128i found = zero;
            for (; at + 16 <= last; at += 16)
                found = _mm_sub_epi8(found, _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *) (p + at)), feed));
            found = _mm_sad_epu8(found, zero);
            count += _mm_cvtsi128_si32(found) + _mm_extract_epi16(found, 4);
        }
    #endif
        for (; at < end; at++) count += p[at] == 10;
        return count;
    }
    static inline Py_ssize_t podfence_line_end(const unsigned char *p, Py_ssize_t at) {
        while (p[at] != 10) at++;
        return at;
    }
    """
    unsigned long long word64 "podfence_word64" (const unsigned char *p, Py_ssize_t at) noexcept nogil
    unsigned long long head64 "podfence_head64" (const unsigned char *p, Py_ssize_t at, Py_ssize_t size) noexcept nogil
    bint same "podfence_same" (
        const unsigned char *p, Py_ssize_t at, const unsigned char *q, Py_ssize_t place, Py_ssize_t size
    ) noexcept nogil
    void copy "podfence_copy" (
        const unsigned char *p, Py_ssize_t at, unsigned char *q, Py_ssize_t place, Py_ssize_t size
    ) noexcept nogil
    Py_ssize_t past_blanks "podfence_past_blanks" (const unsigned char *p, Py_ssize_t at) noexcept nogil
    Py_ssize_t plain_end "podfence_plain_end" (const unsigned char *p, Py_ssize_t at) noexcept nogil
    unsigned long long marks "podfence_marks" (
        const unsigned char *p, Py_ssize_t at, int separator, int quote
    ) noexcept nogil
    int lowest "podfence_lowest" (unsigned long long x) noexcept nogil
    Py_ssize_t line_end "podfence_line_end" (const unsigned char *p, Py_ssize_t at) noexcept nogil
    Py_ssize_t lines "podfence_lines" (const unsigned char *p, Py_ssize_t at, Py_ssize_t end) noexcept nogil
