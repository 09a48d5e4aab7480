// A request body read whole before it goes on, where a route asks for that (`buffer_request`): it can be sent again.
// Bounded by the route's max_body. One core only.
#pragma once

#include <string>
#include <string_view>

#include "postern/exchange.h"

namespace postern::proxy {

class BufferedBody final : public BodySource {
 public:
  explicit BufferedBody(BodySource& source) noexcept : source_(source) {}

  /// Reads the source to its end.
  Task<Result<void>> read_all();
  void rewind() noexcept { taken_ = 0; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

  FramePool& frames() noexcept override { return source_.frames(); }
  std::string_view peek() noexcept override { return std::string_view(bytes_).substr(taken_); }
  void consume(std::size_t bytes) noexcept override { taken_ += bytes; }
  [[nodiscard]] bool at_end() const noexcept override { return taken_ == bytes_.size(); }
  Task<Result<void>> fill() override { co_return Result<void>(); }
  [[nodiscard]] const http::Fields& trailers() const noexcept override { return source_.trailers(); }
  [[nodiscard]] std::uint64_t received() const noexcept override { return taken_; }

 private:
  BodySource& source_;
  std::string bytes_;
  std::size_t taken_ = 0;
};

}  // namespace postern::proxy
