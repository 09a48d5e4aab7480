// See log_syntax.h.
#include "config/log_syntax.h"

#include <sys/un.h>

#include <algorithm>

#include "config/syntax.h"

namespace postern::config {
namespace {

constexpr std::size_t kLongestTag = 48;  // RFC 5424, APP-NAME

}  // namespace

std::optional<SyslogAddress> parse_syslog_address(std::string_view text) {
  if (text.starts_with("unix:")) {
    text.remove_prefix(5);
    if (!text.starts_with('/') || text.size() >= sizeof(sockaddr_un::sun_path)) return std::nullopt;
    if (text.find('\0') != std::string_view::npos) return std::nullopt;
    return SyslogAddress{SyslogTransport::unix_datagram, std::string(text)};
  }
  const bool is_udp = text.starts_with("udp:");
  if (!is_udp && !text.starts_with("tcp:")) return std::nullopt;
  text.remove_prefix(4);
  const std::optional<Address> address = parse_address(text);
  if (!address || address->is_unix || address->port == 0) return std::nullopt;
  return SyslogAddress{is_udp ? SyslogTransport::udp : SyslogTransport::tcp, std::string(text)};
}

std::string check_syslog_address(std::string_view text) {
  return parse_syslog_address(text) ? "" : "not the address of a syslog server";
}

std::string check_syslog_tag(std::string_view text) {
  const bool is_good = !text.empty() && text.size() <= kLongestTag &&
                       std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
  return is_good ? "" : "not a tag";
}

}  // namespace postern::config
