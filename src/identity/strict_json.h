// JSON from strangers, read strictly: bounded in depth and in the number of its values, and never with two members of
// one name in an object, at any depth, since readers differ on which of them counts. Owns the text and the tree that
// refers to it. For token headers, claims, key sets and discovery documents; any thread, one at a time.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::identity {

struct JsonLimits {
  std::size_t depth = 0;
  std::size_t values = 0;  // members and elements, all of them
};

class StrictJson {
 public:
  using Object = simdjson::dom::object;
  using Element = simdjson::dom::element;

  /// Room for `size` bytes, to be written by the caller before parse_object().
  char* reserve(std::size_t size);
  /// A few words on what is wrong; empty: root() is an object.
  std::string_view parse_object(const JsonLimits& limits);
  std::string_view parse_object(std::string_view text, const JsonLimits& limits);

  [[nodiscard]] const Object& root() const noexcept { return root_; }
  [[nodiscard]] const Element& whole() const noexcept { return whole_; }

 private:
  std::string text_;
  std::size_t size_ = 0;
  simdjson::dom::parser parser_;
  Element whole_;
  Object root_;
};

/// A member that may be absent, may be of the wrong kind, or is there.
enum class Member : std::uint8_t { absent, wrong, good };

Member find_text(const StrictJson::Object& object, std::string_view name, std::string_view& out) noexcept;

/// Seconds since 1970 as RFC 7519 has them: a number, possibly with a fraction (cut off), from 0 to the year 9999.
Member find_time(const StrictJson::Object& object, std::string_view name, std::int64_t& out) noexcept;

/// Finds what a dotted path leads to. Names may have dots of their own: "https://a.example/roles" is found as one name
/// before it is taken apart.
bool find_path(const StrictJson::Object& object, std::string_view path, StrictJson::Element& out) noexcept;

/// A plain value as text: texts as they are, numbers and booleans as JSON writes them. False: not a plain value.
bool append_scalar(const StrictJson::Element& value, std::string& out);

/// A text, or a list of texts: all of them that are not empty. Numbers count as texts.
void collect_texts(const StrictJson::Element& value, std::vector<std::string>& out);

}  // namespace postern::identity
