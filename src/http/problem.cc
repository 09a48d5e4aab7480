// Two small templates with everything escaped, and a reading of Accept that only asks "HTML rather than JSON?".
// On the request's core; no allocation.
#include "http/problem.h"

#include <algorithm>

#include "http/field.h"
#include "http/list.h"
#include "http/reason.h"

namespace postern::http {
namespace {

constexpr std::size_t kTextMax = 250;  // per piece, six bytes each at worst: all of them fit kProblemBodyMax

class Sink {
 public:
  explicit Sink(std::span<char> out) noexcept : out_(out) {}

  void raw(std::string_view text) noexcept {
    const std::size_t n = std::min(text.size(), out_.size() - size_);
    std::copy_n(text.data(), n, out_.data() + size_);
    size_ += n;
  }
  void number(unsigned value) noexcept {
    char digits[10];
    std::size_t n = sizeof digits;
    do {
      digits[--n] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    raw({digits + n, sizeof digits - n});
  }
  void json(std::string_view text) noexcept {
    for (const char c : text.substr(0, kTextMax)) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        const char escaped[2] = {'\\', c};
        raw({escaped, 2});
      } else if (byte < 0x20 || byte >= 0x7f) {
        const char escaped[6] = {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
        raw({escaped, 6});
      } else {
        raw({&c, 1});
      }
    }
  }
  void html(std::string_view text) noexcept {
    for (const char c : text.substr(0, kTextMax)) {
      const auto byte = static_cast<unsigned char>(c);
      switch (c) {
        case '&':
          raw("&amp;");
          break;
        case '<':
          raw("&lt;");
          break;
        case '>':
          raw("&gt;");
          break;
        case '"':
          raw("&quot;");
          break;
        case '\'':
          raw("&#39;");
          break;
        default:
          raw(byte < 0x20 || byte >= 0x7f ? std::string_view("?") : std::string_view(&c, 1));
      }
    }
  }
  [[nodiscard]] std::string_view text() const noexcept { return {out_.data(), size_}; }

 private:
  static constexpr char kHex[] = "0123456789abcdef";
  std::span<char> out_;
  std::size_t size_ = 0;
};

std::string_view title_of(const Problem& problem) noexcept {
  if (!problem.title.empty()) return problem.title;
  const std::string_view phrase = reason_phrase(problem.status);
  return phrase.empty() ? std::string_view("Error") : phrase;
}

/// q in thousandths (RFC 9110 12.4.2); 1000 where there is none, 0 for nonsense.
int quality_of(std::string_view parameters) noexcept {
  int quality = 1000;
  for_each_element(parameters, ';', [&quality](std::string_view parameter) {
    if (parameter.size() < 2 || (parameter[0] != 'q' && parameter[0] != 'Q') || parameter[1] != '=') return;
    const std::string_view digits = parameter.substr(2);
    quality = 0;
    int weight = 1000;
    for (std::size_t i = 0; i < digits.size() && i < 5; ++i) {
      if (i == 1) {
        if (digits[i] != '.') quality = 0;
        continue;
      }
      if (digits[i] < '0' || digits[i] > '9') {
        quality = 0;
        return;
      }
      quality += (digits[i] - '0') * weight;
      weight /= 10;
    }
    quality = std::min(quality, 1000);
  });
  return quality;
}

// How a range names one of our two types; a closer name beats a wider one (RFC 9110 12.5.1).
struct Ranking {
  int quality = 0;
  int closeness = 0;

  void offer(int how_close, int how_good) noexcept {
    if (how_close > closeness) {
      closeness = how_close;
      quality = how_good;
    } else if (how_close == closeness) {
      quality = std::max(quality, how_good);
    }
  }
};

}  // namespace

std::string_view write_problem_json(std::span<char> out, const Problem& problem) noexcept {
  Sink sink(out);
  sink.raw(R"({"type":"about:blank","title":")");
  sink.json(title_of(problem));
  sink.raw(R"(","status":)");
  sink.number(problem.status);
  if (!problem.detail.empty()) {
    sink.raw(R"(,"detail":")");
    sink.json(problem.detail);
    sink.raw("\"");
  }
  if (!problem.request_id.empty()) {
    sink.raw(R"(,"request_id":")");
    sink.json(problem.request_id.substr(0, 100));
    sink.raw("\"");
  }
  sink.raw("}\n");
  return sink.text();
}

std::string_view write_problem_html(std::span<char> out, const Problem& problem) noexcept {
  Sink sink(out);
  sink.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
  sink.number(problem.status);
  sink.raw(" ");
  sink.html(title_of(problem).substr(0, 100));
  sink.raw("</title></head>\n<body><h1>");
  sink.number(problem.status);
  sink.raw(" ");
  sink.html(title_of(problem).substr(0, 100));
  sink.raw("</h1>\n");
  if (!problem.detail.empty()) {
    sink.raw("<p>");
    sink.html(problem.detail);
    sink.raw("</p>\n");
  }
  if (!problem.request_id.empty()) {
    sink.raw("<p><small>Request ");
    sink.html(problem.request_id.substr(0, 100));
    sink.raw("</small></p>\n");
  }
  sink.raw("</body></html>\n");
  return sink.text();
}

bool prefers_html(std::string_view accept) noexcept {
  Ranking html;
  Ranking json;
  for_each_element(accept, ',', [&](std::string_view range) {
    const std::size_t semicolon = range.find(';');
    const std::string_view type = trim(range.substr(0, semicolon));
    const int quality = semicolon == std::string_view::npos ? 1000 : quality_of(range.substr(semicolon + 1));
    if (iequals(type, "text/html") || iequals(type, "application/xhtml+xml")) {
      html.offer(3, quality);
    } else if (iequals(type, "text/*")) {
      html.offer(2, quality);
    } else if (iequals(type, "application/problem+json") || iequals(type, "application/json")) {
      json.offer(3, quality);
    } else if (iequals(type, "application/*")) {
      json.offer(2, quality);
    } else if (type == "*/*") {
      html.offer(1, quality);
      json.offer(1, quality);
    }
  });
  // "*/*" alone is a program that takes anything: HTML has to be asked for.
  return html.closeness >= 2 && html.quality > json.quality;
}

}  // namespace postern::http
