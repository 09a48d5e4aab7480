// What both sides of HTTP/2 share of one stream: its number, its two bodies, and how it ended.
// nghttp2's callbacks find it by the stream's user data and only record; whoever waits on it is woken behind the batch.
// One core only.
#pragma once

#include "wire/h2_body.h"
#include "wire/h2_output.h"

namespace postern::wire {

class H2Stream {
 public:
  explicit H2Stream(net::Loop& loop) noexcept : in(loop), out(loop) {}
  H2Stream(const H2Stream&) = delete;
  H2Stream& operator=(const H2Stream&) = delete;
  virtual ~H2Stream() = default;

  // From nghttp2's callbacks: record, never write.
  /// One field of a head (or of trailers). False: this stream must not live (RST_STREAM PROTOCOL_ERROR).
  virtual bool on_header(std::string_view name, std::string_view value) noexcept = 0;
  /// The head is larger than the settings allow; no more of it will be shown.
  virtual void on_too_large() noexcept = 0;
  /// A head, or the trailers, are complete; `end_stream`: nothing follows.
  virtual bool on_headers_end(bool is_trailers, bool end_stream) noexcept = 0;
  /// The stream is closed, by either side; nghttp2 knows it no more. `code` is an NGHTTP2_* error code.
  virtual void on_close(std::uint32_t code) noexcept = 0;

  /// The connection is asked to come to its end.
  virtual void on_drain() noexcept {}

  std::int32_t id = 0;
  bool open = false;             // nghttp2 has it, with this as its user data
  bool reset_by_peer = false;    // it ended by the peer's RST_STREAM
  std::uint32_t close_code = 0;  // valid once it is not open any more
  H2Body in;
  H2Output out;

 private:
  friend class H2Session;  // its list of those that are attached
  H2Stream* next_ = nullptr;
  H2Stream* previous_ = nullptr;
};

}  // namespace postern::wire
