// host[:port] for every request: one pass over a table. Any thread.
#include "http/host.h"

#include "http/address.h"
#include "http/field.h"
#include "http/scan.h"

namespace postern::http {
namespace {

constexpr std::size_t kHostMax = 255;  // RFC 1035 2.3.4

bool parse_port(std::string_view digits, std::int32_t& port) noexcept {
  if (digits.empty() || digits.size() > 5) return false;
  std::int32_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  port = value;
  return value <= 65535;
}

bool parse_literal(std::string_view text, Authority& out) noexcept {
  const std::size_t close = text.find(']');
  if (close == std::string_view::npos) return false;
  const std::optional<Address> ip = parse_ip(text.substr(1, close - 1));
  if (!ip || ip->size != 16) return false;
  out.host = text.substr(0, close + 1);
  const std::string_view rest = text.substr(close + 1);
  if (rest.empty()) return true;
  return rest.front() == ':' && parse_port(rest.substr(1), out.port);
}

}  // namespace

bool parse_authority(std::string_view text, Authority& out) noexcept {
  out.port = -1;
  if (text.empty()) return false;
  if (text.front() == '[') return parse_literal(text, out);
  std::size_t i = 0;
  bool after_dot = true;  // no empty label: not first, not between, not last
  for (; i < text.size(); ++i) {
    if (scan::is(text[i], scan::kHost)) {
      after_dot = false;
    } else if (text[i] == '.' && !after_dot) {
      after_dot = true;
    } else {
      break;
    }
  }
  if (after_dot || i > kHostMax) return false;
  out.host = text.substr(0, i);
  if (i == text.size()) return true;
  return text[i] == ':' && parse_port(text.substr(i + 1), out.port);
}

bool same_authority(const Authority& a, const Authority& b, Scheme scheme) noexcept {
  const std::int32_t implied = scheme == Scheme::https ? 443 : 80;
  const std::int32_t port_a = a.port < 0 ? implied : a.port;
  const std::int32_t port_b = b.port < 0 ? implied : b.port;
  return port_a == port_b && iequals(a.host, b.host);
}

}  // namespace postern::http
