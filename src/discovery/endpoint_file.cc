#include "discovery/endpoint_file.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <set>

#include "config/syntax.h"
#include "discovery/dns_answer.h"

namespace postern::discovery {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kDepth = 4;  // object, list, object, and one more to say what is wrong

/// A member's name as it may go into a log line.
std::string shown(std::string_view name) { return std::string(name.substr(0, 40)); }

std::string read_number(const dom::element& value, std::uint64_t most, std::uint32_t& out) {
  std::uint64_t number = 0;
  if (value.get(number) != simdjson::SUCCESS || number > most)
    return fmt::format("must be a number from 0 to {}", most);
  out = static_cast<std::uint32_t>(number);
  return {};
}

/// What is wrong with one member; empty: nothing.
std::string read_member(std::string_view key, const dom::element& value, FoundEndpoint& out) {
  if (key == "weight") return read_number(value, kMostWeight, out.weight);
  if (key == "priority") return read_number(value, kMostPriority, out.priority);
  if (key != "address" && key != "zone") return "unknown, must be one of address, weight, priority, zone";
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return "must be a string";
  if (key == "zone") {
    out.zone = text;
    return text.empty() ? std::string() : config::check_name(text).empty() ? "" : "is not a name";
  }
  out.address = text;
  if (!config::check_endpoint(text).empty()) return "must be \"host:port\", \"[::1]:9000\" or \"unix:/path\"";
  const std::optional<config::Address> parsed = config::parse_address(text);
  if (parsed->is_unix || !config::is_ip(parsed->host)) return {};
  const std::optional<http::Address> ip = http::parse_ip(parsed->host);
  return ip && is_usable(*ip) ? "" : "is an address that nobody can be reached at";
}

std::string read_endpoint(const dom::element& element, FoundEndpoint& out) {
  dom::object members;
  if (element.get(members) != simdjson::SUCCESS) return "must be an object";
  std::set<std::string_view> seen;
  for (const dom::key_value_pair& member : members) {
    if (!seen.insert(member.key).second) return fmt::format("{}: stands twice", shown(member.key));
    const std::string wrong = read_member(member.key, member.value, out);
    if (!wrong.empty()) return fmt::format("{}: {}", shown(member.key), wrong);
  }
  return seen.contains("address") ? "" : "address: missing";
}

std::string read_list(const dom::element& value, std::vector<FoundEndpoint>& out) {
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS) return "endpoints: must be a list";
  std::set<std::string> addresses;
  for (const dom::element& element : list) {
    const std::size_t index = out.size();
    if (index == kMostEndpoints) return fmt::format("endpoints: more than {}", kMostEndpoints);
    FoundEndpoint endpoint;
    std::string wrong = read_endpoint(element, endpoint);
    if (wrong.empty() && !addresses.insert(endpoint.address).second) wrong = "address: stands twice";
    if (!wrong.empty()) return fmt::format("endpoints[{}]: {}", index, wrong);
    out.push_back(std::move(endpoint));
  }
  return {};
}

}  // namespace

EndpointFile parse_endpoint_file(std::string_view text) {
  EndpointFile out;
  if (text.size() > kMostFileBytes) return {.error = "larger than 1 MiB", .endpoints = {}};
  dom::parser parser;
  dom::element root;
  auto error = parser.allocate(text.size() + 64, kDepth);
  if (error == simdjson::SUCCESS) error = parser.parse(simdjson::padded_string(text)).get(root);
  if (error != simdjson::SUCCESS) return {.error = simdjson::error_message(error), .endpoints = {}};
  dom::object members;
  if (root.get(members) != simdjson::SUCCESS) return {.error = "must be an object", .endpoints = {}};
  bool seen = false;
  for (const dom::key_value_pair& member : members) {
    if (member.key != "endpoints" || seen) {
      out.error =
          fmt::format("{}: {}", shown(member.key), seen && member.key == "endpoints" ? "stands twice" : "unknown");
    } else {
      out.error = read_list(member.value, out.endpoints);
    }
    seen = true;
    if (!out.error.empty()) return {.error = std::move(out.error), .endpoints = {}};
  }
  if (!seen) out.error = "endpoints: missing";
  return out;
}

}  // namespace postern::discovery
