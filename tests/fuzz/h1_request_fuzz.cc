// Request heads: the verdict must not depend on how the bytes are cut, and what is accepted must survive being written
// and read again with the same framing. The first two input bytes choose the cuts, the third the policy.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "wire/h1_parse.h"
#include "wire/h1_write.h"

namespace {

using namespace postern;

struct Parsed {
  std::unique_ptr<char[]> bytes;  // exactly sized, so that a read past the end shows
  http::RequestHead head;
  wire::ParseResult result;
};

void require(bool condition) {
  if (!condition) std::abort();
}

Parsed parse(const std::uint8_t* data, std::size_t size, std::size_t scanned, const wire::HeadLimits& limits) {
  Parsed p;
  p.bytes = std::make_unique<char[]>(size);
  if (size != 0) std::memcpy(p.bytes.get(), data, size);
  p.result = wire::parse_request_head(p.bytes.get(), size, scanned, limits, http::Scheme::http, p.head);
  return p;
}

bool same_reason(const char* a, const char* b) {
  return a == b || (a != nullptr && b != nullptr && std::strcmp(a, b) == 0);
}

void check_round_trip(const Parsed& first) {
  if (first.head.method == http::Method::connect || first.head.authority.empty()) return;
  const wire::RequestWrite how{};
  const std::size_t bound = wire::request_head_bound(first.head, how);
  std::vector<char> out(bound);
  const char* end = wire::write_request_head(out.data(), first.head, how);
  const auto size = static_cast<std::size_t>(end - out.data());
  require(size <= bound);
  wire::HeadLimits wide;
  wide.request_line = 1 << 20;
  wide.header_bytes = 1 << 20;
  wide.fields = http::Fields::kCapacity;
  http::RequestHead second;
  const wire::ParseResult r = wire::parse_request_head(out.data(), size, 0, wide, http::Scheme::http, second);
  require(r.status == wire::ParseStatus::complete && r.consumed == size);
  require(second.framing == first.head.framing && second.content_length == first.head.content_length);
  require(second.path == first.head.path && second.query == first.head.query);
  require(second.method_token == first.head.method_token && second.host == first.head.host);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::size_t step = 1 + data[0] % 16;
  const std::size_t offset = data[1];
  wire::HeadLimits limits;
  if ((data[2] & 1) != 0) limits.underscores = config::Underscores::drop;
  if ((data[2] & 2) != 0) {
    limits.request_line = 24;
    limits.header_bytes = 64;
    limits.fields = 4;
  }
  data += 3;
  size -= 3;
  const Parsed whole = parse(data, size, 0, limits);
  std::size_t scanned = 0;
  for (std::size_t cut = 1 + offset % (size + 1); cut < size + step; cut += step) {
    const std::size_t upto = cut < size ? cut : size;
    const Parsed part = parse(data, upto, scanned, limits);
    if (part.result.status == wire::ParseStatus::need_more && upto < size) {
      scanned = upto;
      continue;
    }
    require(part.result.status == whole.result.status && part.result.consumed == whole.result.consumed);
    require(part.result.http_status == whole.result.http_status);
    require(same_reason(part.result.reason, whole.result.reason));
    break;
  }
  if (whole.result.status == wire::ParseStatus::failed) require(whole.result.reason != nullptr);
  if (whole.result.status == wire::ParseStatus::complete) {
    require(whole.result.consumed <= size);
    check_round_trip(whole);
  }
  return 0;
}
