// Byte scanners of the hot path: where does a run of harmless bytes end?
// Used by the head parser and the normaliser on every request. SSE2 where there is, else a table, byte by byte.
// Never reads outside [base, end): the tail is a load that overlaps bytes already seen. Any thread.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__SSE2__) && !defined(POSTERN_PORTABLE_SCAN)
#include <emmintrin.h>
#define POSTERN_SCAN_SSE2 1
#endif

namespace postern::http::scan {

// Classes of bytes; one table serves every scalar check.
enum Class : std::uint8_t {
  kToken = 1,        // tchar but '_' (RFC 9110 5.6.2)
  kUnderscore = 2,   // a tchar as well; apart because of the `underscores` policy
  kControl = 4,      // CTL but HTAB: may stand nowhere in a head
  kTarget = 8,       // may stand in a request target: visible ASCII but '#' and '\'
  kUnreserved = 16,  // RFC 3986 2.3
  kHex = 32,
  kQuoted = 64,  // may stand in a quoted string as it is
  kHost = 128,   // letters, digits, '-', '_', '~': names in Host, dots apart
};

inline constexpr std::array<std::uint8_t, 256> kClasses = [] {
  std::array<std::uint8_t, 256> t{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool digit = c >= '0' && c <= '9';
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    unsigned v = 0;
    if (digit || alpha) v |= kToken | kUnreserved | kHost;
    if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) v |= kHex;
    if ((c < 0x20 && c != '\t') || c == 0x7f) v |= kControl;
    if (c > 0x20 && c < 0x7f && c != '#' && c != '\\') v |= kTarget;
    if (c == '\t' || (c >= 0x20 && c != 0x7f && c != '"' && c != '\\')) v |= kQuoted;
    t[c] = static_cast<std::uint8_t>(v);
  }
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '`', '|', '~'}) {
    t[static_cast<unsigned char>(c)] |= kToken;
  }
  t['_'] |= kUnderscore;
  for (const char c : {'-', '.', '_', '~'}) t[static_cast<unsigned char>(c)] |= kUnreserved;
  for (const char c : {'-', '_', '~'}) t[static_cast<unsigned char>(c)] |= kHost;
  return t;
}();

constexpr bool is(char c, unsigned classes) noexcept {
  return (kClasses[static_cast<unsigned char>(c)] & classes) != 0;
}

/// Value of a hex digit, -1 for anything else.
constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

#ifdef POSTERN_SCAN_SSE2

/// Applies `mask(__m128i) -> int` to 16 bytes at a time and returns the first byte whose bit is set, or `end`.
template <class Mask>
inline const char* find_masked(const char* p, const char* end, const char* base, Mask mask) noexcept {
  while (end - p >= 16) {
    const auto bits = static_cast<unsigned>(mask(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
    if (bits != 0) return p + std::countr_zero(bits);
    p += 16;
  }
  const auto left = static_cast<unsigned>(end - p);
  if (left == 0) return end;
  if (end - base >= 16) {  // the last 16 bytes; those before p were seen or do not matter
    auto bits = static_cast<unsigned>(mask(_mm_loadu_si128(reinterpret_cast<const __m128i*>(end - 16))));
    bits >>= 16 - left;
    return bits != 0 ? p + std::countr_zero(bits) : end;
  }
  alignas(16) char copy[16];
  for (unsigned i = 0; i < 16; ++i) copy[i] = i < left ? p[i] : ' ';
  auto bits = static_cast<unsigned>(mask(_mm_load_si128(reinterpret_cast<const __m128i*>(copy))));
  bits &= (1U << left) - 1;
  return bits != 0 ? p + std::countr_zero(bits) : end;
}

inline __m128i at_most(__m128i x, char limit) noexcept {
  return _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(limit)), x);
}
inline __m128i at_least(__m128i x, char limit) noexcept {
  return _mm_cmpeq_epi8(_mm_max_epu8(x, _mm_set1_epi8(limit)), x);
}
inline __m128i equal(__m128i x, char c) noexcept { return _mm_cmpeq_epi8(x, _mm_set1_epi8(c)); }

/// First control byte (CTL but HTAB), or `end`: the end of any sound line is its CR.
inline const char* find_control(const char* p, const char* end, const char* base) noexcept {
  return find_masked(p, end, base, [](__m128i x) noexcept {
    const __m128i low = _mm_andnot_si128(equal(x, '\t'), at_most(x, 0x1f));
    return _mm_movemask_epi8(_mm_or_si128(low, equal(x, 0x7f)));
  });
}

/// First byte that may not stand in a request target (SP among them), or `end`.
inline const char* find_target_end(const char* p, const char* end, const char* base) noexcept {
  return find_masked(p, end, base, [](__m128i x) noexcept {
    const __m128i outside = _mm_or_si128(at_most(x, 0x20), at_least(x, 0x7f));
    return _mm_movemask_epi8(_mm_or_si128(outside, _mm_or_si128(equal(x, '#'), equal(x, '\\'))));
  });
}

/// First byte that is not of a token68 (RFC 9110 11.2) without its '=' at the end, or `end`: tokens are long.
inline const char* find_token68_end(const char* p, const char* end, const char* base) noexcept {
  return find_masked(p, end, base, [](__m128i x) noexcept {
    const __m128i lower = _mm_or_si128(x, _mm_set1_epi8(0x20));
    const __m128i letter = _mm_and_si128(at_least(lower, 'a'), at_most(lower, 'z'));
    const __m128i digit = _mm_and_si128(at_least(x, '-'), at_most(x, '9'));  // and '.' and '/'
    const __m128i others = _mm_or_si128(_mm_or_si128(equal(x, '+'), equal(x, '_')), equal(x, '~'));
    return ~_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(letter, digit), others)) & 0xffff;
  });
}

inline const char* find_byte(const char* p, const char* end, const char* base, char c) noexcept {
  return find_masked(p, end, base, [c](__m128i x) noexcept { return _mm_movemask_epi8(equal(x, c)); });
}

#else

template <class Stops>
inline const char* find_where(const char* p, const char* end, Stops stops) noexcept {
  while (p != end && !stops(*p)) ++p;
  return p;
}

// Eight bytes at a time: a word without a byte below 0x20 or equal to DEL is passed over (HTAB only costs a look).
inline const char* find_control(const char* p, const char* end, const char*) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  while (end - p >= 8) {
    std::uint64_t x = 0;
    __builtin_memcpy(&x, p, 8);
    const std::uint64_t del = x ^ (kOnes * 0x7f);
    const std::uint64_t low = (x - kOnes * 0x20) & ~x;
    if ((((del - kOnes) & ~del) | low) & (kOnes * 0x80)) {
      for (int i = 0; i < 8; ++i) {
        if (is(p[i], kControl)) return p + i;
      }
    }
    p += 8;
  }
  return find_where(p, end, [](char c) { return is(c, kControl); });
}

inline const char* find_target_end(const char* p, const char* end, const char*) noexcept {
  return find_where(p, end, [](char c) { return !is(c, kTarget); });
}

inline const char* find_token68_end(const char* p, const char* end, const char*) noexcept {
  return find_where(p, end, [](char c) { return !is(c, kUnreserved) && c != '+' && c != '/'; });
}

inline const char* find_byte(const char* p, const char* end, const char*, char wanted) noexcept {
  const void* hit = p == end ? nullptr : __builtin_memchr(p, wanted, static_cast<std::size_t>(end - p));
  return hit != nullptr ? static_cast<const char*>(hit) : end;
}

#endif

}  // namespace postern::http::scan
