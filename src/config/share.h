// Shares of a whole and URLs as values of config keys: "1%", "http://127.0.0.1:4318/v1/traces". Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::config {

/// "1%", "0.05%", "100%": 0..1. At most four digits behind the point.
std::optional<double> share_of(std::string_view text);
std::string check_share(std::string_view text);

/// Where an HTTP request goes. No user, no fragment.
struct HttpUrl {
  bool is_secure = false;
  std::string host;  // IP literal without brackets, or a host name
  std::uint16_t port = 0;
  std::string target;     // path and query, from "/"
  std::string authority;  // as Host says it: with the port unless it is the scheme's
};

std::optional<HttpUrl> parse_http_url(std::string_view text);
std::string check_http_url(std::string_view text);

}  // namespace postern::config
