#include "limit/fields.h"

#include <fmt/format.h>

#include <charconv>
#include <iterator>

namespace postern::limit {
namespace {

void append_item(std::string& policy, const std::string& name, std::uint64_t quota, std::uint64_t window_s,
                 std::string_view unit) {
  if (!policy.empty()) policy += ", ";
  fmt::format_to(std::back_inserter(policy), "\"{}\";q={}", name, quota);
  if (window_s != 0) fmt::format_to(std::back_inserter(policy), ";w={}", window_s);
  if (!unit.empty()) fmt::format_to(std::back_inserter(policy), ";qu=\"{}\"", unit);
}

}  // namespace

void append_policy(std::string& policy, const config::Limit& limit) {
  // Windows are whole seconds: a limit of "5 in 100ms" has none to tell.
  const bool is_whole = limit.interval.count() % 1000 == 0;
  const std::uint64_t window = is_whole ? static_cast<std::uint64_t>(limit.interval.count()) / 1000 : 0;
  if (limit.requests != 0) append_item(policy, limit.name, limit.requests, window, "");
  if (limit.body_bytes != 0) append_item(policy, limit.name + "-body", limit.body_bytes, window, "content-bytes");
  if (limit.concurrent != 0)
    append_item(policy, limit.name + "-concurrent", limit.concurrent, 0, "concurrent-requests");
}

std::string_view write_rate_limit(std::string_view name, std::uint64_t left, std::uint32_t reset_s,
                                  std::span<char> space) noexcept {
  if (space.size() < name.size() + 48) return {};
  char* at = space.data();
  const auto copy = [&at](std::string_view text) { at += text.copy(at, text.size()); };
  copy("\"");
  copy(name);
  copy("\";r=");
  at = std::to_chars(at, at + 20, left).ptr;
  copy(";t=");
  at = std::to_chars(at, at + 10, reset_s).ptr;
  return {space.data(), static_cast<std::size_t>(at - space.data())};
}

}  // namespace postern::limit
