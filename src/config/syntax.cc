// Value checks, each a few lines over the character classes of its RFC. Addresses go through inet_pton only:
// nothing here resolves, opens or connects.
#include "config/syntax.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <array>

#include "config/path_pattern.h"
#include "config/units.h"

namespace postern::config {
namespace {

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

// Address bytes of an IP literal: 4, 16, or none.
std::size_t ip_bytes(std::string_view host, std::array<unsigned char, 16>& bytes) {
  const std::string text(host);
  if (text.find('\0') != std::string::npos) return 0;
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return 4;
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return 16;
  return 0;
}

// 192.168.1 or 1.2.3.4.5 would pass for a host name, but is a mistyped address.
bool looks_like_ip(std::string_view host) { return host.find_first_not_of("0123456789.") == std::string_view::npos; }

std::optional<Address> parse_unix(std::string_view path) {
  constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() < 2 || path[0] != '/' || path.size() > kLongest) return std::nullopt;
  if (path.find('\0') != std::string_view::npos) return std::nullopt;
  Address address;
  address.is_unix = true;
  address.path = path;
  return address;
}

constexpr std::string_view kUnixPrefix = "unix:";

// A request's own words other than its host never reach a redirect's authority: that would be an open redirect.
std::string check_authority(std::string_view text) {
  std::string authority(text);
  constexpr std::string_view kHost = "{host}";
  if (const std::size_t at = authority.find(kHost); at != std::string::npos)
    authority.replace(at, kHost.size(), "host");
  if (authority.find('{') != std::string::npos) return "of all variables only {host} may stand in the host";
  const bool pattern = authority.starts_with("*.") || authority.starts_with(kUnixPrefix);
  const bool host = parse_address(authority).has_value() || check_host_pattern(authority).empty();
  return host && !pattern ? "" : "no valid host";
}

// Headers that say how a message is framed or belong to one connection: the proxy alone writes them. Host follows
// from preserve_host and the endpoint, so that what was matched is what is sent.
constexpr std::array<std::string_view, 12> kOwnHeaders{
    "connection", "content-length",     "expect",           "host",
    "keep-alive", "proxy-authenticate", "proxy-connection", "te",
    "trailer",    "transfer-encoding",  "upgrade",          "http2-settings"};

}  // namespace

bool is_ip(std::string_view host) {
  std::array<unsigned char, 16> bytes;
  return ip_bytes(host, bytes) != 0;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253 || looks_like_ip(text)) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    const auto good = [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_'; };
    if (!std::all_of(label.begin(), label.end(), good)) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

std::optional<Address> parse_address(std::string_view text) {
  if (text.starts_with(kUnixPrefix)) return parse_unix(text.substr(kUnixPrefix.size()));
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::optional<std::uint64_t> port = parse_unsigned(text.substr(colon + 1));
  if (!port || *port > 65535 || text.size() - colon > 6) return std::nullopt;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos || !is_ip(host)) return std::nullopt;
  } else if (host.find(':') != std::string_view::npos || !(is_ip(host) || is_host_name(host))) {
    return std::nullopt;
  }
  return Address{false, std::string(host), static_cast<std::uint16_t>(*port), {}};
}

std::optional<std::pair<std::uint16_t, std::uint16_t>> parse_status_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto status = [](std::string_view digits) -> std::optional<std::uint16_t> {
    const std::optional<std::uint64_t> number = parse_unsigned(digits);
    if (digits.size() != 3 || !number || *number < 100 || *number > 599) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
  };
  const auto first = status(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : status(text.substr(dash + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return std::pair(*first, *last);
}

std::string check_name(std::string_view text) {
  const auto good = [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; };
  if (!text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), good)) return {};
  return "not a name";
}

std::string check_bind_address(std::string_view text) {
  const std::optional<Address> address = parse_address(text);
  if (!address) return "not an address";
  return address->is_unix || is_ip(address->host) ? "" : "a listening address is an IP address, not a host name";
}

std::string check_optional_bind_address(std::string_view text) { return text.empty() ? "" : check_bind_address(text); }

std::string check_endpoint(std::string_view text) {
  const std::optional<Address> address = parse_address(text);
  if (!address) return "not an endpoint";
  return address->is_unix || address->port != 0 ? "" : "port 0 cannot be connected to";
}

std::string check_network(std::string_view text) {
  if (text == "unix") return {};
  const std::size_t slash = text.find('/');
  std::array<unsigned char, 16> bytes{};
  const std::size_t count = ip_bytes(text.substr(0, slash), bytes);
  if (count == 0) return "not an IP network";
  if (slash == std::string_view::npos) return {};
  const std::optional<std::uint64_t> length = parse_unsigned(text.substr(slash + 1));
  if (!length || *length > count * 8) return "not an IP network";
  for (std::size_t bit = *length; bit < count * 8; ++bit) {
    if ((bytes[bit / 8] >> (7 - bit % 8)) & 1) return "the address has bits set behind the prefix length";
  }
  return {};
}

std::string check_mode(std::string_view text) {
  const bool octal = text.find_first_not_of("01234567") == std::string_view::npos;
  return octal && (text.size() == 3 || (text.size() == 4 && text[0] == '0')) ? "" : "not a file mode";
}

std::string check_host_pattern(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    const std::string_view inner = text.substr(1, text.size() - 2);
    return inner.find(':') != std::string_view::npos && is_ip(inner) ? "" : "not a host";
  }
  if (text.starts_with("*.")) return is_host_name(text.substr(2)) ? "" : "not a host";
  if (is_host_name(text) || (is_ip(text) && text.find(':') == std::string_view::npos)) return {};
  return parse_address(text) ? "a host is matched without its port" : "not a host";
}

std::string check_server_name(std::string_view text) {
  return text.empty() || is_host_name(text) ? "" : "not a host name";
}

std::string check_method(std::string_view text) {
  if (!is_token(text)) return "not a method";
  const bool upper = std::none_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  if (!upper) return "methods are case-sensitive, and the usual ones are written in capitals";
  return text == "CONNECT" || text == "TRACE" ? "CONNECT and TRACE are never routed" : "";
}

std::string check_header_name(std::string_view text) { return is_token(text) ? "" : "not a header name"; }

std::string check_header_value(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return "a header value holds no control characters";
  }
  if (text.empty()) return {};
  const bool padded = text.front() == ' ' || text.front() == '\t' || text.back() == ' ' || text.back() == '\t';
  return padded ? "a header value neither starts nor ends with white space" : "";
}

std::string check_editable_header(std::string_view text) {
  if (!is_token(text)) return "not a header name";
  const bool own = std::any_of(kOwnHeaders.begin(), kOwnHeaders.end(),
                               [text](std::string_view name) { return equals_ignoring_case(name, text); });
  return own ? "this header is written by the proxy alone" : "";
}

std::string check_redirect_status(std::string_view text) {
  constexpr std::array<std::string_view, 5> kStatuses{"301", "302", "303", "307", "308"};
  return std::find(kStatuses.begin(), kStatuses.end(), text) != kStatuses.end() ? "" : "not a redirect status";
}

std::string check_path(std::string_view text) { return check_path_pattern(text).error; }

std::string check_prefix(std::string_view text) {
  if (text.empty()) return {};
  const PathPattern pattern = check_path_pattern(text);
  if (!pattern.ok()) return pattern.error;
  const bool literal = std::all_of(pattern.segments.begin(), pattern.segments.end(),
                                   [](const PathSegment& s) { return s.kind == PathSegment::Kind::literal; });
  return literal && text.back() != '/' ? "" : "a prefix has no variables, no \"*\" and no slash at its end";
}

std::string check_rewrite(std::string_view text) {
  if (text.empty()) return {};
  const Template parsed = parse_template(text);
  if (!parsed.ok()) return parsed.error;
  if (text.front() != '/') return "a path starts with \"/\"";
  if (text.find_first_of("?#") != std::string_view::npos) return "a path holds no query and no fragment";
  if (text.find("//") != std::string_view::npos) return "a path holds no empty segment";
  const std::string closed = std::string(text) + '/';
  const bool dots = closed.find("/./") != std::string::npos || closed.find("/../") != std::string::npos;
  return dots ? "a path holds no dot segment" : "";
}

std::string check_redirect(std::string_view text) {
  if (text.empty()) return {};
  const Template parsed = parse_template(text);
  if (!parsed.ok()) return parsed.error;
  if (text.starts_with("{path}")) return {};
  if (text.front() == '/') return text.starts_with("//") ? "a target that starts with \"//\" names another host" : "";
  std::string_view rest;
  for (const std::string_view scheme : {"http://", "https://", "{scheme}://"}) {
    if (text.starts_with(scheme)) rest = text.substr(scheme.size());
  }
  if (rest.empty()) return "not a redirect target";
  const std::size_t end = std::min({rest.find_first_of("/?#"), rest.find("{path}"), rest.find("{query}"), rest.size()});
  return check_authority(rest.substr(0, end));
}

}  // namespace postern::config
