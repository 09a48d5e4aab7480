#include "proxy/health_request.h"

#include <algorithm>

namespace postern::proxy {

namespace {
constexpr int kMaxInterim = 10;
constexpr Error kTooMuch{Code::too_large, Side::upstream, Retry::never};
}  // namespace

Task<Result<void>> HealthRequest::run(UpstreamExchange& up, const http::RequestHead& head, std::string_view body,
                                      std::size_t max_body) {
  body_.clear();
  whole_ = false;
  running_ = &up;
  const Result<void> done = co_await call(up, head, body, max_body);
  running_ = nullptr;
  co_return done;
}

Task<Result<void>> HealthRequest::call(UpstreamExchange& up, const http::RequestHead& head, std::string_view body,
                                       std::size_t max_body) {
  up.start_request(head);
  BodySink& sink = up.request_body();
  if (!body.empty()) sink.put(body);
  if (sink.wants_flush()) {
    const Result<void> sent = co_await sink.flush();
    if (!sent) co_return sent;
  }
  sink.finish(nullptr);
  static_cast<void>(sink.try_flush());  // a few hundred bytes on a fresh socket; the answer tells whether they arrived
  const Result<void> answered = co_await read_head(up);
  if (!answered) co_return answered;
  BodySource& source = up.response_body();
  for (;;) {
    for (std::string_view bytes = source.peek(); !bytes.empty(); bytes = source.peek()) {
      if (body_.size() == max_body) co_return Result<void>();
      const std::size_t more = std::min(bytes.size(), max_body - body_.size());
      body_ += bytes.substr(0, more);
      source.consume(more);
    }
    whole_ = source.at_end();
    if (whole_ || max_body == 0) co_return Result<void>();
    const Result<void> filled = co_await source.fill();
    if (!filled) co_return filled;
  }
}

Task<Result<void>> HealthRequest::read_head(UpstreamExchange& up) {
  for (int heads = 0;; ++heads) {
    const Result<void> got = co_await up.read_head();
    if (!got) co_return got;
    if (up.response().status >= 200) co_return Result<void>();
    if (heads == kMaxInterim) co_return kTooMuch;
  }
}

}  // namespace postern::proxy
