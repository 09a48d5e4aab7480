// The body pump of include/postern/exchange.h: the one loop that every body goes through, in either direction.

#include "postern/exchange.h"

namespace postern {

bool pump_ready(BodySource& source, BodySink& sink) noexcept {
  for (;;) {
    if (sink.wants_flush() && sink.try_flush() != Flushed::done) return false;
    const std::string_view data = source.peek();
    if (data.empty()) return source.at_end();
    sink.put(data);
    source.consume(data.size());
  }
}

Task<Result<void>> pump(BodySource& source, BodySink& sink) {
  for (;;) {
    if (sink.wants_flush()) {
      const Result<void> flushed = co_await sink.flush();
      if (!flushed) co_return flushed.error();
    }
    const std::string_view data = source.peek();
    if (!data.empty()) {
      sink.put(data);
      source.consume(data.size());
      continue;
    }
    if (source.at_end()) co_return Result<void>();
    const Result<void> flushed = co_await sink.flush();  // nothing waits here for bytes that may be long in coming
    if (!flushed) co_return flushed.error();
    const Result<void> more = co_await source.fill();
    if (!more) co_return more.error();
  }
}

}  // namespace postern
