// See share.h.
#include "config/share.h"

#include <algorithm>

#include "config/syntax.h"

namespace postern::config {
namespace {

constexpr std::size_t kMaxUrl = 2048;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// RFC 3986's path and query, loosely: visible ASCII without what would end or confuse a request line.
bool is_target(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c > ' ' && c < 0x7f && c != '#' && c != '"' && c != '<' && c != '>'; });
}

}  // namespace

std::optional<double> share_of(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  const std::string_view part = text.substr(std::min(point + 1, text.size()));
  if (whole.empty() || whole.size() > 3 || part.size() > 4 || (point < text.size() && part.empty())) return {};
  double percent = 0;
  double scale = 1;
  for (const char c : whole) {
    if (!is_digit(c)) return std::nullopt;
    percent = percent * 10 + (c - '0');
  }
  for (const char c : part) {
    if (!is_digit(c)) return std::nullopt;
    scale /= 10;
    percent += scale * (c - '0');
  }
  if (percent > 100) return std::nullopt;
  return percent / 100;
}

std::string check_share(std::string_view text) { return share_of(text) ? "" : "not a share"; }

std::optional<HttpUrl> parse_http_url(std::string_view text) {
  HttpUrl url;
  if (text.size() > kMaxUrl) return std::nullopt;
  if (text.starts_with("https://")) {
    url.is_secure = true;
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  const std::size_t slash = std::min(text.find_first_of("/?#"), text.size());
  const std::string_view authority = text.substr(0, slash);
  const std::string_view target = text.substr(slash);
  if (!is_target(target) || (!target.empty() && target.front() != '/')) return std::nullopt;
  url.target = target.empty() ? "/" : std::string(target);
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  const std::string with_port = std::string(authority) + (has_port ? "" : url.is_secure ? ":443" : ":80");
  const std::optional<Address> address = parse_address(with_port);
  if (!address || address->is_unix || address->port == 0) return std::nullopt;
  url.host = address->host;
  url.port = address->port;
  const bool is_default = url.port == (url.is_secure ? 443 : 80);
  url.authority = std::string(is_default && has_port ? authority.substr(0, colon) : authority);
  return url;
}

std::string check_http_url(std::string_view text) { return parse_http_url(text) ? "" : "not an HTTP URL"; }

}  // namespace postern::config
