#include "discovery/dns_answer.h"

#include <arpa/nameser.h>

#include <algorithm>
#include <array>
#include <string>

#include "config/syntax.h"

namespace postern::discovery {
namespace {

constexpr std::size_t kSrvFixed = 6;  // priority, weight, port

ServiceAnswer bad(std::string why) {
  return {.absence = Absence::invalid, .why = std::move(why), .ttl_s = 0, .records = {}};
}

std::uint16_t number_at(const std::uint8_t* bytes) noexcept {
  return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}

/// False: the record is not one. Targets that cannot be used give an empty host.
bool parse_record(const ns_msg& message, const ns_rr& record, ServiceRecord& out) {
  const std::uint8_t* data = ns_rr_rdata(record);
  if (ns_rr_rdlen(record) <= kSrvFixed) return false;
  out.priority = number_at(data);
  out.weight = number_at(data + 2);
  out.port = number_at(data + 4);
  std::array<char, NS_MAXDNAME> host{};
  const int used =
      ::ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), data + kSrvFixed, host.data(), host.size());
  if (used < 0 || static_cast<std::size_t>(used) + kSrvFixed != ns_rr_rdlen(record)) return false;
  out.host = host.data();
  std::transform(out.host.begin(), out.host.end(), out.host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (!config::is_host_name(out.host) || out.port == 0) out.host.clear();
  return true;
}

}  // namespace

ServiceAnswer parse_services(std::span<const std::uint8_t> bytes) {
  ns_msg message{};
  if (bytes.size() > NS_MAXMSG || ::ns_initparse(bytes.data(), static_cast<int>(bytes.size()), &message) != 0) {
    return bad("not a DNS message");
  }
  ServiceAnswer answer;
  std::uint32_t ttl = ~0u;
  bool declined = false;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr record{};
    if (::ns_parserr(&message, ns_s_an, i, &record) != 0) return bad("a broken record");
    ttl = std::min(ttl, static_cast<std::uint32_t>(ns_rr_ttl(record)));
    if (ns_rr_class(record) != ns_c_in || ns_rr_type(record) != ns_t_srv) continue;
    ServiceRecord service;
    if (!parse_record(message, record, service)) return bad("a broken SRV record");
    declined = declined || service.host.empty();
    if (!service.host.empty() && answer.records.size() < kMostEndpoints) answer.records.push_back(std::move(service));
  }
  std::sort(answer.records.begin(), answer.records.end());
  answer.records.erase(std::unique(answer.records.begin(), answer.records.end()), answer.records.end());
  if (answer.records.empty()) {
    answer.absence = Absence::empty;
    answer.why = declined ? "its SRV records name no host" : "no SRV records";
    return answer;
  }
  answer.ttl_s = ttl > 0x7fffffff ? 0 : ttl;  // RFC 2181 8: the top bit set means 0
  return answer;
}

bool is_usable(const http::Address& any) noexcept {
  const http::Address address = http::unmapped(any);
  if (address.size == 4) {
    const std::uint8_t first = address.bytes[0];
    const bool broadcast =
        std::all_of(address.bytes.begin(), address.bytes.begin() + 4, [](auto b) { return b == 255; });
    return first != 0 && (first < 224 || first > 239) && !broadcast;
  }
  if (address.size != 16) return false;
  const bool zero = std::all_of(address.bytes.begin(), address.bytes.end(), [](auto b) { return b == 0; });
  const bool link_local = address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80;
  return !zero && !link_local && address.bytes[0] != 0xff;
}

}  // namespace postern::discovery
