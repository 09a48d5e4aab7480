// Base64 as gRPC-Web's text dialect uses it: streams cut anywhere, and padded segments one after another.
// The adapters of web.h own one each per request. No allocation; one core only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace postern::grpc {

struct Coded {
  std::size_t taken = 0;  // of the input
  std::size_t made = 0;   // of the output
};

class Base64Decoder {
 public:
  /// As much as there is input and room for. Stops for good at the first byte that is not base64, or where padding is
  /// not as RFC 4648 has it (bits under it must be zero: one text, one meaning).
  Coded decode(std::string_view in, std::span<char> out) noexcept;
  [[nodiscard]] bool is_broken() const noexcept { return broken_; }
  /// Nothing of a quantum is waiting for its rest: the text may end here.
  [[nodiscard]] bool is_whole() const noexcept { return count_ == 0 && !broken_; }

 private:
  bool finish_quantum(std::span<char> out, std::size_t& made) noexcept;

  std::array<std::uint8_t, 4> quantum_{};
  std::uint8_t count_ = 0;
  bool broken_ = false;
};

class Base64Encoder {
 public:
  /// Whole groups of three bytes only; up to two bytes stay here.
  Coded encode(std::string_view in, std::span<char> out) noexcept;
  [[nodiscard]] bool has_rest() const noexcept { return count_ != 0; }
  /// Writes the rest with its padding; `out` has room for four. Returns 0 or 4.
  std::size_t finish(std::span<char> out) noexcept;

 private:
  std::array<std::uint8_t, 2> rest_{};
  std::uint8_t count_ = 0;
};

}  // namespace postern::grpc
