// The sending half of an HTTP/2 stream: bytes that wait for their turn and for window, then the end or the trailers.
// nghttp2 pulls from it while the session writes. Both sides own one per stream. One core only.
#pragma once

#include <nghttp2/nghttp2.h>

#include "base/buffer_pool.h"
#include "net/signal.h"
#include "postern/exchange.h"
#include "wire/h2_arena.h"

namespace postern::wire {

class H2Session;

class H2Output final : public BodySink {
 public:
  explicit H2Output(net::Loop& loop) noexcept;
  ~H2Output() override;

  void start(H2Session& session, std::int32_t stream, Side side, std::int64_t write_timeout_ms) noexcept;
  /// The stream's number, where it is known only after the head was submitted (clients).
  void set_stream(std::int32_t stream) noexcept { stream_ = stream; }
  /// No body may follow: HEAD, 204, 304, an empty one. put() drops, finish() changes nothing.
  void set_no_body() noexcept { no_body_ = true; }

  // BodySink
  FramePool& frames() noexcept { return loop_.frames(); }
  void put(std::string_view bytes) noexcept override;
  [[nodiscard]] bool wants_flush() const noexcept override;
  void finish(const http::Fields* trailers) noexcept override;
  Flushed try_flush() noexcept override;
  Task<Result<void>> flush() override;

  /// Waits until the end has been handed to the connection. False: it never will be.
  Task<bool> wait_sent();

  /// What nghttp2 pulls the body from; give it to nghttp2_submit_response() and its like.
  nghttp2_data_provider provider() noexcept { return {{.ptr = this}, &H2Output::on_read}; }
  /// Appends the next `size` bytes of a DATA frame; the session calls it right after on_read.
  void take(char* into, std::size_t size) noexcept;

  /// The stream is gone: nothing goes out any more. A waiting flush() ends with that error.
  void fail(Error why) noexcept;
  /// The end has been handed to the connection: nothing is waiting here.
  [[nodiscard]] bool is_sent() const noexcept { return (end_framed_ && queued() == 0) || (no_body_ && finished_); }
  [[nodiscard]] bool finished() const noexcept { return finished_; }
  [[nodiscard]] bool failed() const noexcept { return error_.code != Code::ok; }
  [[nodiscard]] std::size_t queued() const noexcept { return copied_end_ - copied_begin_ + borrowed_.size(); }
  [[nodiscard]] std::uint64_t body_bytes() const noexcept { return body_bytes_; }
  net::Signal& drained() noexcept { return drained_; }
  void release() noexcept;

 private:
  static ssize_t on_read(nghttp2_session* session, std::int32_t stream, std::uint8_t* buffer, std::size_t room,
                         std::uint32_t* flags, nghttp2_data_source* source, void* user) noexcept;
  ssize_t next_frame(std::size_t room, std::uint32_t* flags) noexcept;
  void keep_trailers(const http::Fields& trailers) noexcept;
  void release_bytes() noexcept;
  /// nghttp2 had nothing to send of this stream: it must be told that there is something again.
  void resume() noexcept;

  struct Trailers;

  net::Loop& loop_;
  net::Signal drained_;
  H2Session* session_ = nullptr;
  std::int32_t stream_ = 0;
  Side side_ = Side::downstream;
  Buffer copied_;
  std::size_t copied_begin_ = 0;
  std::size_t copied_end_ = 0;
  std::string_view borrowed_;
  std::unique_ptr<Trailers> trailers_;
  std::uint64_t body_bytes_ = 0;
  std::int64_t write_timeout_ms_ = 0;
  Error error_{Code::ok};
  bool no_body_ = false;
  bool finished_ = false;
  bool deferred_ = false;
  bool end_framed_ = false;
  bool has_trailers_ = false;
};

}  // namespace postern::wire
