// The deadline header that clients send, and Retry-After that upstreams send.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/deadline.h"
#include "proxy/retry_policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto parsed = http::parse_deadline(input)) {
    if (parsed->count() < 1 || *parsed > http::kMaxDeadline || input.size() > 16) std::abort();
  }
  http::Fields fields;
  fields.add("Retry-After", input);
  const auto wait = proxy::retry_after_ms(fields);
  if (wait && (*wait < -1 || *wait > 999'999'000)) std::abort();
  return 0;
}
