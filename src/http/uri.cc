// The normaliser: a scan that lets clean paths through untouched, and a careful rewrite for the others.
// Any thread; allocates nothing.
#include "http/uri.h"

#include <cstddef>

#include "http/scan.h"

namespace postern::http {
namespace {

constexpr const char* kParameter = "parameter in the path";

// Accepts the escaped bytes of UTF-8 one at a time (RFC 3629: no overlong forms, no surrogates, up to U+10FFFF).
class Utf8 {
 public:
  [[nodiscard]] bool is_open() const noexcept { return left_ != 0; }

  bool take(unsigned byte) noexcept {
    if (left_ != 0) {
      if (byte < low_ || byte > high_) return false;
      low_ = 0x80;
      high_ = 0xbf;
      --left_;
      return true;
    }
    low_ = 0x80;
    high_ = 0xbf;
    if (byte >= 0xc2 && byte <= 0xdf) {
      left_ = 1;
    } else if (byte >= 0xe0 && byte <= 0xef) {
      left_ = 2;
      if (byte == 0xe0) low_ = 0xa0;
      if (byte == 0xed) high_ = 0x9f;
    } else if (byte >= 0xf0 && byte <= 0xf4) {
      left_ = 3;
      if (byte == 0xf0) low_ = 0x90;
      if (byte == 0xf4) high_ = 0x8f;
    } else {
      return false;
    }
    return true;
  }

 private:
  unsigned left_ = 0;
  unsigned low_ = 0x80;
  unsigned high_ = 0xbf;
};

/// Value of the escape at text[at] == '%', or -1 when it is cut or no hex.
int escape_at(std::string_view text, std::size_t at) noexcept {
  if (text.size() - at < 3) return -1;
  const int high = scan::hex_value(text[at + 1]);
  const int low = scan::hex_value(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/// "." and "..", alone or with a parameter behind: 1 and 2; 3 with a parameter; 0 for anything else.
int dots_of(std::string_view segment) noexcept {
  std::size_t dots = 0;
  while (dots < segment.size() && dots < 2 && segment[dots] == '.') ++dots;
  if (dots == 0) return 0;
  const std::string_view rest = segment.substr(dots);
  if (rest.empty()) return static_cast<int>(dots);
  return rest.front() == ';' || rest.starts_with("%3B") ? 3 : 0;
}

/// Whether an upstream that decodes %2F would see a dot segment in it.
bool hides_dots(std::string_view segment) noexcept {
  std::size_t slash = segment.find("%2F");
  if (slash == std::string_view::npos) return false;
  for (;;) {
    if (dots_of(segment.substr(0, slash)) != 0) return true;
    if (slash == std::string_view::npos) return false;
    segment.remove_prefix(slash + 3);
    slash = segment.find("%2F");
  }
}

class Rewriter {
 public:
  Rewriter(std::string_view raw, UriPolicy policy, std::span<char> out) noexcept
      : raw_(raw), policy_(policy), out_(out.data()) {}

  UriResult run() noexcept {
    while (at_ < raw_.size()) {
      const std::size_t start = size_;
      out_[size_++] = raw_[at_++];  // the '/'
      while (at_ < raw_.size() && raw_[at_] != '/') {
        if (const char* error = take_byte()) return {{}, error};
      }
      if (utf8_.is_open()) return {{}, "path escapes are not UTF-8"};
      if (const char* error = end_segment(start)) return {{}, error};
    }
    return {{out_, size_}, nullptr};
  }

 private:
  const char* take_byte() noexcept {
    const char c = raw_[at_];
    if (c == '%') return take_escape();
    if (utf8_.is_open()) return "path escapes are not UTF-8";
    if (c == '?' || !scan::is(c, scan::kTarget)) return "forbidden byte in the path";
    if (c == ';' && policy_.parameters == PathParameters::reject) return kParameter;
    out_[size_++] = c;
    ++at_;
    return nullptr;
  }

  const char* take_escape() noexcept {
    const int value = escape_at(raw_, at_);
    if (value < 0) return "bad percent escape in the path";
    const auto byte = static_cast<unsigned>(value);
    if (byte >= 0x80 || utf8_.is_open()) {
      if (!utf8_.take(byte)) return "path escapes are not UTF-8";
    } else if (byte < 0x20 || byte == 0x7f) {
      return "escaped control character in the path";
    } else if (byte == '\\') {
      return "escaped backslash in the path";
    } else if (byte == '/' && policy_.encoded_slash == EncodedSlash::reject) {
      return "escaped slash in the path";
    } else if (byte == ';' && policy_.parameters == PathParameters::reject) {
      return kParameter;
    } else if (scan::is(static_cast<char>(byte), scan::kUnreserved)) {
      out_[size_++] = static_cast<char>(byte);
      at_ += 3;
      return nullptr;
    }
    constexpr char kHex[] = "0123456789ABCDEF";
    out_[size_++] = '%';
    out_[size_++] = kHex[byte >> 4];
    out_[size_++] = kHex[byte & 15];
    at_ += 3;
    return nullptr;
  }

  /// Judges the segment whose '/' stands at `start`, and takes it (or one more) back.
  const char* end_segment(std::size_t start) noexcept {
    const std::string_view segment(out_ + start + 1, size_ - start - 1);
    const bool last = at_ == raw_.size();
    if (segment.empty()) {
      if (!last && policy_.slashes == Slashes::merge) size_ = start;
      return nullptr;
    }
    if (policy_.encoded_slash == EncodedSlash::keep && hides_dots(segment)) return "escaped slash beside a dot segment";
    const int dots = dots_of(segment);
    if (dots == 0) return nullptr;
    if (dots == 3) return "parameter on a dot segment";
    size_ = start;
    if (dots == 2) {
      if (start == 0) return "path climbs above the root";
      do {
        --size_;
      } while (out_[size_] != '/');
    }
    if (last) out_[size_++] = '/';
    return nullptr;
  }

  const std::string_view raw_;
  const UriPolicy policy_;
  char* const out_;
  std::size_t at_ = 0;
  std::size_t size_ = 0;
  Utf8 utf8_;
};

#ifdef POSTERN_SCAN_SSE2
__m128i suspicious(__m128i x) noexcept {
  const __m128i outside = _mm_or_si128(scan::at_most(x, 0x20), scan::at_least(x, 0x7f));
  const __m128i marks = _mm_or_si128(scan::equal(x, '%'), scan::equal(x, '#'));
  const __m128i query = _mm_or_si128(scan::equal(x, '?'), scan::equal(x, ';'));
  return _mm_or_si128(_mm_or_si128(outside, marks), _mm_or_si128(query, scan::equal(x, '\\')));
}
#endif

/// No byte needs a look, and no '/' is followed by '/' or '.': nearly every request.
bool is_clean(std::string_view path) noexcept {
  std::size_t i = 0;
#ifdef POSTERN_SCAN_SSE2
  for (; path.size() - i > 16; i += 16) {  // one byte of look-ahead
    const auto* p = reinterpret_cast<const __m128i*>(path.data() + i);
    const __m128i here = _mm_loadu_si128(p);
    const __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(path.data() + i + 1));
    const __m128i pair =
        _mm_and_si128(scan::equal(here, '/'), _mm_or_si128(scan::equal(next, '/'), scan::equal(next, '.')));
    if (_mm_movemask_epi8(_mm_or_si128(suspicious(here), pair)) != 0) return false;
  }
#endif
  bool after_slash = false;
  for (; i < path.size(); ++i) {
    const char c = path[i];
    if (!scan::is(c, scan::kTarget) || c == '%' || c == '?' || c == ';') return false;
    if (after_slash && (c == '/' || c == '.')) return false;
    after_slash = c == '/';
  }
  return true;
}

}  // namespace

UriResult normalise_path(std::string_view raw_path, UriPolicy policy, std::span<char> scratch) noexcept {
  if (raw_path.empty() || raw_path.front() != '/') return {{}, "path does not begin with a slash"};
  if (is_clean(raw_path)) return {raw_path, nullptr};
  if (scratch.size() < raw_path.size()) return {{}, "path too long"};
  return Rewriter(raw_path, policy, scratch).run();
}

const char* check_query(std::string_view query) noexcept {
  const char* end = query.data() + query.size();
  if (scan::find_target_end(query.data(), end, query.data()) != end) return "forbidden byte in the query";
  const char* p = scan::find_byte(query.data(), end, query.data(), '%');
  while (p != end) {
    const auto at = static_cast<std::size_t>(p - query.data());
    if (escape_at(query, at) < 0) return "bad percent escape in the query";
    p = scan::find_byte(p + 3, end, query.data(), '%');
  }
  return nullptr;
}

}  // namespace postern::http
