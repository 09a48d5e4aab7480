// A value from a file, or one line that says why there is none. Start-up and reload only.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace postern::crypto {

template <class T>
struct Loaded {
  std::optional<T> value;
  std::string error;

  explicit operator bool() const noexcept { return value.has_value(); }

  static Loaded ok(T value) { return Loaded{std::move(value), {}}; }
  static Loaded failed(std::string error) { return Loaded{std::nullopt, std::move(error)}; }
};

}  // namespace postern::crypto
