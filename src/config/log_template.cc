// See log_template.h.
#include "config/log_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "config/nearest.h"

namespace postern::config {
namespace {

constexpr std::size_t kLongest = 4096;

constexpr std::array<std::string_view, static_cast<std::size_t>(LogVariable::count_)> kNames{
    "time",     "time_clf",    "time_unix", "request_id", "client",  "listener", "route",     "user",        "method",
    "host",     "target",      "http",      "tls",        "status",  "bytes_in", "bytes_out", "duration_ms", "upstream",
    "endpoint", "upstream_ms", "retries",   "user_agent", "referer", "error",    "trace_id",  "access",
};

/// Works through the text; what is behind the last variable is a part without one.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  LogTemplate parse() {
    if (text_.empty()) return fail("empty");
    if (text_.size() > kLongest) return fail(fmt::format("longer than {} bytes", kLongest));
    while (at_ < text_.size() && result_.ok()) step();
    if (!result_.ok()) return fail(std::move(result_.error));
    if (!part_.text.empty()) result_.parts.push_back(std::move(part_));
    if (std::ranges::none_of(result_.parts, &LogTemplatePart::has_variable)) return fail("has no {variable}");
    return std::move(result_);
  }

 private:
  LogTemplate fail(std::string why) {
    result_.parts.clear();
    result_.error = std::move(why);
    return std::move(result_);
  }

  void step() {
    const char c = text_[at_];
    const bool is_brace = c == '{' || c == '}';
    if (is_brace && at_ + 1 < text_.size() && text_[at_ + 1] == c) {
      part_.text += c;
      at_ += 2;
    } else if (c == '{') {
      variable();
    } else if (c == '}') {
      result_.error = "\"}\" without \"{\"; a brace itself is written twice";
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\t') {
      result_.error = "holds a control character";
    } else {
      if (c == '"') in_quotes_ = !in_quotes_;
      part_.text += c;
      ++at_;
    }
  }

  void variable() {
    const std::size_t end = text_.find('}', at_);
    if (end == std::string_view::npos) {
      result_.error = "\"{\" without \"}\"; a brace itself is written twice";
      return;
    }
    std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    part_.escape = in_quotes_ ? LogEscape::quoted : LogEscape::word;
    if (const std::size_t colon = name.find(':'); colon != std::string_view::npos) {
      if (name.substr(colon) != ":json") {
        result_.error = fmt::format("\"{}\" ends in something else than \":json\"", name);
        return;
      }
      part_.escape = LogEscape::json;
      name = name.substr(0, colon);
    }
    const auto found = std::ranges::find(kNames, name);
    if (found == kNames.end()) {
      result_.error = fmt::format("unknown variable \"{}\"", name);
      result_.nearest = nearest(name, kNames);
      return;
    }
    part_.has_variable = true;
    part_.variable = static_cast<LogVariable>(found - kNames.begin());
    result_.parts.push_back(std::exchange(part_, {}));
    at_ = end + 1;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool in_quotes_ = false;
  LogTemplatePart part_;
  LogTemplate result_;
};

}  // namespace

LogTemplate parse_log_template(std::string_view text) { return Parser(text).parse(); }

std::span<const std::string_view> log_variables() { return kNames; }

}  // namespace postern::config
