#include "identity/strict_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace postern::identity {
namespace {

namespace dom = simdjson::dom;

constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999

/// Counts values and looks for doubled names. simdjson has bounded the depth before this recurses.
class Audit {
 public:
  explicit Audit(std::size_t most) noexcept : left_(most) {}

  std::string_view look_at(const dom::element& value) {
    if (left_ == 0) return "too many values";
    --left_;
    dom::array list;
    if (value.get(list) == simdjson::SUCCESS) return look_into(list);
    dom::object object;
    if (value.get(object) == simdjson::SUCCESS) return look_into(object);
    return {};
  }

 private:
  std::string_view look_into(const dom::array& list) {
    for (const dom::element& element : list) {
      const std::string_view wrong = look_at(element);
      if (!wrong.empty()) return wrong;
    }
    return {};
  }
  std::string_view look_into(const dom::object& object) {
    std::vector<std::string_view> names;
    for (const dom::key_value_pair& member : object) {
      names.push_back(member.key);
      const std::string_view wrong = look_at(member.value);
      if (!wrong.empty()) return wrong;
    }
    std::sort(names.begin(), names.end());
    if (std::adjacent_find(names.begin(), names.end()) != names.end()) return "a member stands twice";
    return {};
  }

  std::size_t left_;
};

}  // namespace

char* StrictJson::reserve(std::size_t size) {
  text_.assign(size + simdjson::SIMDJSON_PADDING, ' ');
  size_ = size;
  return text_.data();
}

std::string_view StrictJson::parse_object(std::string_view text, const JsonLimits& limits) {
  text.copy(reserve(text.size()), text.size());
  return parse_object(limits);
}

std::string_view StrictJson::parse_object(const JsonLimits& limits) {
  if (size_ == 0) return "empty";
  if (parser_.allocate(size_ + simdjson::SIMDJSON_PADDING, limits.depth) != simdjson::SUCCESS) return "out of memory";
  if (parser_.parse(text_.data(), size_, false).get(whole_) != simdjson::SUCCESS)
    return "not JSON, or nested too deeply";
  if (whole_.get(root_) != simdjson::SUCCESS) return "not an object";
  return Audit(limits.values).look_at(whole_);
}

Member find_text(const StrictJson::Object& object, std::string_view name, std::string_view& out) noexcept {
  dom::element value;
  if (object.at_key(name).get(value) != simdjson::SUCCESS) return Member::absent;
  return value.get(out) == simdjson::SUCCESS ? Member::good : Member::wrong;
}

Member find_time(const StrictJson::Object& object, std::string_view name, std::int64_t& out) noexcept {
  dom::element value;
  if (object.at_key(name).get(value) != simdjson::SUCCESS) return Member::absent;
  if (value.is_int64()) {
    out = value.get_int64().value_unsafe();
    return out >= 0 && out <= kLastSecond ? Member::good : Member::wrong;
  }
  if (!value.is_double()) return Member::wrong;
  const double seconds = value.get_double().value_unsafe();
  // Compared before it is converted: a conversion out of range is undefined.
  if (!(seconds >= 0 && seconds <= static_cast<double>(kLastSecond))) return Member::wrong;
  out = static_cast<std::int64_t>(std::floor(seconds));
  return Member::good;
}

bool find_path(const StrictJson::Object& object, std::string_view path, StrictJson::Element& out) noexcept {
  if (object.at_key(path).get(out) == simdjson::SUCCESS) return true;
  for (std::size_t dot = path.rfind('.'); dot != std::string_view::npos && dot != 0; dot = path.rfind('.', dot - 1)) {
    dom::object inner;
    if (object.at_key(path.substr(0, dot)).get(inner) == simdjson::SUCCESS &&
        find_path(inner, path.substr(dot + 1), out)) {
      return true;
    }
  }
  return false;
}

bool append_scalar(const StrictJson::Element& value, std::string& out) {
  switch (value.type()) {
    case dom::element_type::STRING:
      out += value.get_string().value_unsafe();
      return true;
    case dom::element_type::INT64:
      fmt::format_to(std::back_inserter(out), "{}", value.get_int64().value_unsafe());
      return true;
    case dom::element_type::UINT64:
      fmt::format_to(std::back_inserter(out), "{}", value.get_uint64().value_unsafe());
      return true;
    case dom::element_type::DOUBLE:
      fmt::format_to(std::back_inserter(out), "{}", value.get_double().value_unsafe());
      return true;
    case dom::element_type::BOOL:
      out += value.get_bool().value_unsafe() ? "true" : "false";
      return true;
    default:
      return false;
  }
}

void collect_texts(const StrictJson::Element& value, std::vector<std::string>& out) {
  const auto add = [&out](const dom::element& one) {
    std::string text;
    if (append_scalar(one, text) && !text.empty()) out.push_back(std::move(text));
  };
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS) return add(value);
  for (const dom::element& element : list) add(element);
}

}  // namespace postern::identity
