// Response heads: the verdict must not depend on the cuts, every failure is 502, and what is accepted reads the same
// after being written. The first two input bytes choose method and cuts.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "wire/h1_parse.h"
#include "wire/h1_write.h"

namespace {

using namespace postern;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_round_trip(const http::ResponseHead& first, http::Method method) {
  const wire::ResponseWrite how{.to_head = method == http::Method::head};
  const std::size_t bound = wire::response_head_bound(first, how);
  std::vector<char> out(bound);
  const char* end = wire::write_response_head(out.data(), first, how);
  const auto size = static_cast<std::size_t>(end - out.data());
  require(size <= bound);
  wire::HeadLimits wide;
  wide.header_bytes = 1 << 20;
  wide.fields = http::Fields::kCapacity;
  http::ResponseHead second;
  const wire::ParseResult r = wire::parse_response_head(out.data(), size, 0, wide, method, second);
  require(r.status == wire::ParseStatus::complete && r.consumed == size);
  require(second.framing == first.framing && second.status == first.status);
  if (first.framing == http::Framing::length) require(second.content_length == first.content_length);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto method = (data[0] & 1) != 0 ? http::Method::head : http::Method::get;
  const std::size_t step = 1 + data[1] % 16;
  data += 2;
  size -= 2;
  const wire::HeadLimits limits;
  auto bytes = std::make_unique<char[]>(size);
  if (size != 0) std::memcpy(bytes.get(), data, size);
  http::ResponseHead head;
  const wire::ParseResult whole = wire::parse_response_head(bytes.get(), size, 0, limits, method, head);
  std::size_t scanned = 0;
  for (std::size_t cut = step; cut < size + step; cut += step) {
    const std::size_t upto = cut < size ? cut : size;
    auto part = std::make_unique<char[]>(upto);
    std::memcpy(part.get(), data, upto);
    http::ResponseHead ignored;
    const wire::ParseResult r = wire::parse_response_head(part.get(), upto, scanned, limits, method, ignored);
    if (r.status == wire::ParseStatus::need_more && upto < size) {
      scanned = upto;
      continue;
    }
    require(r.status == whole.status && r.consumed == whole.consumed && r.http_status == whole.http_status);
    break;
  }
  if (whole.status == wire::ParseStatus::failed) require(whole.http_status == 502 && whole.reason != nullptr);
  if (whole.status == wire::ParseStatus::complete) check_round_trip(head, method);
  return 0;
}
