// The syntax of values that only the logs have: the address of a syslog server, its tag. Pure; start-up and reload.
// Named as checks by schema_logs.cc; accesslog parses with them what the config has let through.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::config {

enum class SyslogTransport : std::uint8_t { unix_datagram, udp, tcp };

struct SyslogAddress {
  SyslogTransport transport = SyslogTransport::unix_datagram;
  std::string target;  // a path, or "host:port"
};

/// "unix:/dev/log", "udp:host:514", "tcp:[::1]:601"; a host may be a name.
std::optional<SyslogAddress> parse_syslog_address(std::string_view text);

std::string check_syslog_address(std::string_view text);
std::string check_syslog_tag(std::string_view text);  // APP-NAME of RFC 5424: 1 to 48 visible ASCII characters

}  // namespace postern::config
