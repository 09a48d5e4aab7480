// What of a request decides where the hash balancer sends it (balance.key), as a number. Called by the forwarder once
// per request, before the head is edited, where the upstream hashes at all. One core only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::proxy {

struct RequestContext;

struct HashKeySpec {
  enum class From : std::uint8_t { nothing, client, body, header, cookie, path };
  static constexpr std::uint8_t kNoVariable = 255;

  From from = From::nothing;
  std::string name;                     // of the header, the cookie or the variable
  std::vector<std::uint8_t> variables;  // path: by Route::index, where in the match it is

  /// Of a text that the config's check has let through.
  static HashKeySpec parse(std::string_view text);
};

/// None: the request has no such thing. `body`: as far as it is buffered; null pointer: it is not.
std::optional<std::uint64_t> hash_key(const HashKeySpec& spec, RequestContext& rc, std::string_view body) noexcept;

}  // namespace postern::proxy
