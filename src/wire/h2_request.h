// Makes a request head of HTTP/2's fields, one by one as HPACK hands them out, and judges it as strictly as the HTTP/1
// parser judges its own: behind this nobody knows which wire a request came on.
// nghttp2 has checked form and order of the pseudo fields before (RFC 9113 8). One core only.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/buffer_pool.h"
#include "http/head.h"
#include "wire/h1_settings.h"
#include "wire/h2_arena.h"

namespace postern::wire {

class H2Request {
 public:
  /// Either fine, or the status to refuse the request with and a static text why.
  struct Verdict {
    std::uint16_t status = 0;
    const char* reason = nullptr;
  };

  void begin(http::RequestHead& head, H2Arena& texts, BufferPool& pool, const H1Settings& settings) noexcept;
  /// False: the stream is an error by itself (RST_STREAM), no answer could be believed.
  bool add(std::string_view name, std::string_view value) noexcept;
  /// All fields were there. `end_stream`: there is no body.
  Verdict finish(bool end_stream) noexcept;
  void refuse(std::uint16_t status, const char* reason) noexcept {
    if (verdict_.status == 0) verdict_ = {status, reason};
  }

 private:
  bool add_pseudo(std::string_view name, std::string_view value) noexcept;
  bool add_field(std::string_view name, std::string_view value) noexcept;
  Verdict judge_target() noexcept;
  Verdict judge_host() noexcept;
  Verdict judge_framing(bool end_stream) noexcept;
  Verdict judge_protocol() noexcept;
  bool join_cookies() noexcept;

  http::RequestHead* head_ = nullptr;
  H2Arena* texts_ = nullptr;
  BufferPool* pool_ = nullptr;
  const H1Settings* settings_ = nullptr;
  std::string_view protocol_;
  std::string_view host_field_;
  std::string_view length_field_;
  bool has_length_ = false;
  std::uint32_t cookies_ = 0;
  Verdict verdict_;
};

}  // namespace postern::wire
