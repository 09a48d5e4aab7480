#include "proxy/buffered_body.h"

namespace postern::proxy {

Task<Result<void>> BufferedBody::read_all() {
  for (;;) {
    const std::string_view data = source_.peek();
    if (!data.empty()) {
      bytes_.append(data);
      source_.consume(data.size());
      continue;
    }
    if (source_.at_end()) co_return Result<void>();
    const Result<void> more = co_await source_.fill();
    if (!more) co_return more.error();
  }
}

}  // namespace postern::proxy
