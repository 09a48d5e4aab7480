// Arbitrary bytes as a file of endpoints, and as a DNS answer with SRV records: neither may crash, and what comes out
// keeps to its limits.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/syntax.h"
#include "discovery/dns_answer.h"
#include "discovery/endpoint_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::discovery;
  const EndpointFile file = parse_endpoint_file(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!file.error.empty() && !file.endpoints.empty()) std::abort();
  if (file.endpoints.size() > kMostEndpoints) std::abort();
  for (const postern::FoundEndpoint& endpoint : file.endpoints) {
    if (!postern::config::parse_address(endpoint.address)) std::abort();
  }
  const postern::ServiceAnswer answer = parse_services({data, size});
  if (answer.absence.has_value() != answer.records.empty()) std::abort();
  if (answer.records.size() > kMostEndpoints) std::abort();
  for (const postern::ServiceRecord& record : answer.records) {
    if (!postern::config::is_host_name(record.host) || record.port == 0) std::abort();
  }
  return 0;
}
