// The table's part on where endpoints come from: [upstream.discovery].
#include <array>

#include "config/schema.h"
#include "config/schema_bind.h"
#include "config/syntax.h"

namespace postern::config {
namespace {

// Words stand in the order of their enum.
constexpr std::array<std::string_view, 3> kFamilies{"any", "ipv4", "ipv6"};

std::string check_server(std::string_view text) {
  if (is_ip(text)) return {};
  const std::optional<Address> address = parse_address(text);
  return address && !address->is_unix && is_ip(address->host) && address->port != 0 ? "" : "not a DNS server";
}

constexpr std::array kSections{
    bind::inside<&Upstream::discovery>("upstream[].discovery",
                                       "Where the endpoints come from, and how host names among them are followed. An "
                                       "answer that fails or is empty keeps the last good endpoints."),
};

constexpr std::array kKeys{
    KeySpec{.path = "upstream[].discovery.kind",
            .bind = bind::string<&Discovery::kind>,
            .fallback = "static",
            .check = {check_name, "a name that `postern list` prints"},
            .doc = "static: `endpoints`. dns: every address of `name`. srv: the SRV records of `name`, with their "
                   "priorities and weights. file: `file`, watched."},
    KeySpec{.path = "upstream[].discovery.name",
            .bind = bind::string<&Discovery::name>,
            .doc = "dns: \"models.internal:9000\"; srv: \"_http._tcp.models.internal\"."},
    KeySpec{.path = "upstream[].discovery.file",
            .bind = bind::file_name<&Discovery::file>,
            .doc = "file: JSON, {\"endpoints\": [{\"address\": \"10.0.0.1:9000\", \"weight\": 1, \"priority\": 0, "
                   "\"zone\": \"a\"}]}. Replace it by renaming another one over it."},
    KeySpec{.path = "upstream[].discovery.min_ttl",
            .bind = bind::duration<&Discovery::min_ttl>,
            .fallback = "1s",
            .min = 50,
            .max = 86'400'000,
            .doc = "A DNS answer holds at least this long, whatever it says."},
    KeySpec{.path = "upstream[].discovery.max_ttl",
            .bind = bind::duration<&Discovery::max_ttl>,
            .fallback = "1m",
            .min = 50,
            .max = 86'400'000,
            .doc = "A DNS answer holds at most this long."},
    KeySpec{.path = "upstream[].discovery.refresh",
            .bind = bind::duration<&Discovery::refresh>,
            .fallback = "5s",
            .min = 50,
            .max = 86'400'000,
            .doc = "Names are looked up this often when their answers do not say how long they hold (a TTL of 0, or "
                   "/etc/hosts)."},
    KeySpec{.path = "upstream[].discovery.timeout",
            .bind = bind::duration<&Discovery::timeout>,
            .fallback = "3s",
            .min = 50,
            .max = 60'000,
            .doc = "Time for a DNS server's answer, its repetition included; each further server has as much."},
    KeySpec{.path = "upstream[].discovery.servers",
            .bind = bind::strings<&Discovery::servers>,
            .check = {check_server, "an IP address with or without a port, such as \"127.0.0.1:5353\""},
            .doc = "DNS servers to ask; empty: the system's, with its search domains and /etc/hosts."},
    KeySpec{.path = "upstream[].discovery.family",
            .bind = bind::word<&Discovery::family>,
            .fallback = "any",
            .words = kFamilies,
            .doc = "Which addresses of a host name are used."},
};

}  // namespace

SchemaPart discovery_schema() { return {kSections, kKeys}; }

}  // namespace postern::config
