// PROXY headers: the first prefix with a verdict decides, and it is the verdict of the whole.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "wire/proxy_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  const auto parse = [data](std::size_t n, wire::ProxyHeader& out) {
    auto bytes = std::make_unique<char[]>(n);
    if (n != 0) std::memcpy(bytes.get(), data, n);
    return wire::parse_proxy_header(bytes.get(), n, out);
  };
  wire::ProxyHeader whole_header;
  const wire::ProxyResult whole = parse(size, whole_header);
  for (std::size_t n = 0; n < size; ++n) {
    wire::ProxyHeader header;
    const wire::ProxyResult part = parse(n, header);
    if (part.status == wire::ParseStatus::need_more) continue;
    if (part.status != whole.status || part.consumed != whole.consumed) std::abort();
    if (!(header.source == whole_header.source && header.destination == whole_header.destination)) std::abort();
    break;
  }
  if (whole.status != wire::ParseStatus::complete) return 0;
  char out[wire::kProxyV1Max];
  for (const auto write : {wire::write_proxy_v1, wire::write_proxy_v2}) {
    const char* end = write(out, whole_header.source, whole_header.destination);
    wire::ProxyHeader again;
    const auto r = wire::parse_proxy_header(out, static_cast<std::size_t>(end - out), again);
    if (r.status != wire::ParseStatus::complete || !(again.source == whole_header.source)) std::abort();
  }
  return 0;
}
