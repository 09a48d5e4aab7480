// The sending half of an HTTP/1 message: head and framing in one block, long runs of body borrowed and sent in place,
// as few system calls as the bytes allow. Both sides own one per exchange. One core only.
#pragma once

#include <cstdint>
#include <string_view>

#include "net/stream.h"
#include "postern/exchange.h"

namespace postern::wire {

class H1Output final : public BodySink {
 public:
  H1Output() = default;  // reset() before use

  /// Starts over for the next message on the same connection.
  void reset(net::Stream& stream, std::int64_t write_timeout_ms) noexcept;
  /// Room for a head of up to `bytes`, behind what is queued; commit() what was written. nullptr: too large.
  char* reserve(std::size_t bytes) noexcept;
  void commit(char* end) noexcept { end_ = static_cast<std::size_t>(end - out_.data()); }
  void set_framing(http::Framing framing) noexcept { framing_ = framing; }
  /// From now on raw bytes of a tunnel: the end shows as a FIN.
  void become_tunnel() noexcept {
    framing_ = http::Framing::until_close;
    tunnel_ = true;
  }

  FramePool& frames() noexcept { return stream_->frames(); }
  void put(std::string_view bytes) noexcept override;
  bool wants_flush() const noexcept override;
  void finish(const http::Fields* trailers) noexcept override;
  Flushed try_flush() noexcept override;
  Task<Result<void>> flush() override;

  [[nodiscard]] bool finished() const noexcept { return finished_; }
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] bool pending() const noexcept { return begin_ != end_ || !borrowed_.empty(); }
  [[nodiscard]] std::uint64_t body_bytes() const noexcept { return body_bytes_; }
  /// Unsent bytes are forgotten; what comes now stands alone on the wire. For aborts.
  void discard() noexcept;
  void release() noexcept { out_.release(); }

 private:
  void append(std::string_view bytes) noexcept;
  void rest() noexcept;
  [[nodiscard]] std::size_t room() const noexcept { return out_ ? out_.size() - end_ : 0; }
  void advance(std::size_t sent) noexcept;

  net::Stream* stream_ = nullptr;
  Buffer out_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::string_view borrowed_;       // goes out behind out_
  bool chunk_end_pending_ = false;  // CRLF behind borrowed_
  bool finished_ = false;
  bool failed_ = false;
  bool tunnel_ = false;
  bool ended_ = false;  // the tunnel's FIN is out
  http::Framing framing_ = http::Framing::none;
  net::IoStatus blocked_on_ = net::IoStatus::want_write;
  std::int64_t write_timeout_ms_ = 0;
  std::uint64_t body_bytes_ = 0;
};

}  // namespace postern::wire
