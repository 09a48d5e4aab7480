// A health check's request and its answer, on whatever wire: the head is sent with a short body, and of the answer's
// body no more is kept than was asked for. Used by the probes that ask (HTTP, gRPC). One core only.
#pragma once

#include <string>

#include "net/loop.h"
#include "postern/exchange.h"

namespace postern::proxy {

class HealthRequest {
 public:
  explicit HealthRequest(net::Loop& loop) noexcept : loop_(loop) {}

  /// Until the answer's end, or until `max_body` bytes of its body are here. `up` holds the answer's head then.
  Task<Result<void>> run(UpstreamExchange& up, const http::RequestHead& head, std::string_view body,
                         std::size_t max_body);
  /// Ends a waiting run().
  void cancel() noexcept {
    if (running_) running_->cancel(Error{Code::cancelled, Side::self, Retry::never});
  }
  [[nodiscard]] const std::string& body() const noexcept { return body_; }
  /// False: it was longer.
  [[nodiscard]] bool is_whole() const noexcept { return whole_; }
  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  Task<Result<void>> call(UpstreamExchange& up, const http::RequestHead& head, std::string_view body,
                          std::size_t max_body);
  Task<Result<void>> read_head(UpstreamExchange& up);

  net::Loop& loop_;
  UpstreamExchange* running_ = nullptr;
  std::string body_;
  bool whole_ = false;
};

}  // namespace postern::proxy
