// Cookie fields and endpoint tokens: a value that is found lies inside its field, behind its name, and holds no ';';
// a token names an id only when it is one that we could have made.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/cookie.h"
#include "upstream/token.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

std::string_view take_line(std::string_view& input) {
  const std::size_t end = input.find('\n');
  const std::string_view line = input.substr(0, end);
  input = end == std::string_view::npos ? std::string_view() : input.substr(end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view name = take_line(input);
  if (name.empty()) return 0;
  while (!input.empty()) {
    const std::string_view field = take_line(input);
    postern::http::Fields fields;
    fields.add(postern::http::FieldId::cookie, field);
    const std::string_view value = postern::http::find_cookie(fields, name);
    if (value.data() == nullptr) continue;
    require(value.data() > field.data() && value.data() + value.size() <= field.data() + field.size());
    require(value.find(';') == std::string_view::npos || name.find(';') != std::string_view::npos);
    const auto id = postern::upstream::token_id(value);
    if (!id) continue;
    postern::upstream::EndpointToken made{};
    require(postern::upstream::make_token("key", "upstream", *id, made));
    require(value.starts_with(std::string_view(made.data(), 16)));
  }
  return 0;
}
