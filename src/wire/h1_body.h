// The receiving half of an HTTP/1 message body: length, chunked or until the end of the connection, as the head
// decided. Both sides own one per exchange. Views of peek() point into the connection's input. One core only.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "net/stream.h"
#include "postern/exchange.h"
#include "wire/h1_chunked.h"
#include "wire/h1_input.h"

namespace postern::wire {

class H1Body final : public BodySource {
 public:
  /// Called once, when somebody first waits for bytes that have not come: the moment for "100 Continue".
  using BeforeWait = void (*)(void* owner) noexcept;

  void start(net::Stream& stream, H1Input& input, http::Framing framing, std::uint64_t length,
             std::int64_t read_timeout_ms) noexcept;
  void before_wait(BeforeWait hook, void* owner) noexcept {
    hook_ = hook;
    hook_owner_ = owner;
  }
  void limit(std::uint64_t bytes) noexcept { limit_ = bytes; }
  void set_read_timeout(std::int64_t ms) noexcept { read_timeout_ms_ = ms; }
  /// From now on raw bytes of a tunnel, for as long as it takes.
  void become_tunnel() noexcept { read_timeout_ms_ = 0; }

  FramePool& frames() noexcept override { return stream_->frames(); }
  std::string_view peek() noexcept override;
  void consume(std::size_t bytes) noexcept override;
  [[nodiscard]] bool at_end() const noexcept override { return ended_; }
  Task<Result<void>> fill() override;
  [[nodiscard]] const http::Fields& trailers() const noexcept override { return trailers_ ? *trailers_ : kNoTrailers; }
  [[nodiscard]] std::uint64_t received() const noexcept override { return received_; }

  /// From the beginning again, where nothing had to be read since start().
  bool rewind() noexcept;
  /// A waiting fill() ends with that error; later ones as well.
  void stop(Error why) noexcept;
  /// Bytes that are still to come, where that is known and small enough to swallow.
  [[nodiscard]] bool ends_within(std::uint64_t bytes) const noexcept {
    return ended_ || (framing_ == http::Framing::length && remaining_ <= bytes);
  }
  /// What broke it: status for the peer (400, 431, 413) and a static text; nullptr where nothing did.
  [[nodiscard]] const char* failure() const noexcept { return failure_; }
  [[nodiscard]] std::uint16_t failure_status() const noexcept { return failure_status_; }
  /// Gives back what trailers needed.
  void release() noexcept;

 private:
  std::string_view peek_chunked() noexcept;
  void fail(Code code, std::uint16_t status, const char* reason) noexcept;
  void count(std::size_t bytes) noexcept;
  Result<void> read_once(bool& wait, net::IoStatus& want) noexcept;

  static const http::Fields kNoTrailers;

  net::Stream* stream_ = nullptr;
  H1Input* input_ = nullptr;
  http::Framing framing_ = http::Framing::none;
  bool ended_ = true;
  bool broken_ = false;
  bool read_more_ = false;  // something was read since start(): no way back
  std::uint64_t remaining_ = 0;
  std::uint64_t run_ = 0;  // chunked: bytes of the present run at the front of the input
  std::uint64_t received_ = 0;
  std::uint64_t limit_ = 0;  // 0: none
  std::uint64_t length_ = 0;
  std::int64_t read_timeout_ms_ = 0;
  ChunkedDecoder decoder_;
  Buffer trailer_space_;
  http::Fields* trailers_ = nullptr;  // stands in trailer_space_
  Error error_;
  const char* failure_ = nullptr;
  std::uint16_t failure_status_ = 400;
  BeforeWait hook_ = nullptr;
  void* hook_owner_ = nullptr;
};

}  // namespace postern::wire
