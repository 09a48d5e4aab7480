// See options.h.
#include "accesslog/options.h"

#include <stdexcept>

#include "config/share.h"

namespace postern::accesslog {

SyslogPeer find_syslog(const config::Syslog& syslog) {
  const auto address = config::parse_syslog_address(syslog.address);
  if (!address) throw std::runtime_error("syslog: not an address: " + syslog.address);  // the config has checked it
  const bool is_unix = address->transport == config::SyslogTransport::unix_datagram;
  SyslogPeer peer{address->transport, net::resolve_now(is_unix ? "unix:" + address->target : address->target)};
  if (peer.addresses.empty()) throw std::runtime_error("syslog: host not found: " + address->target);
  return peer;
}

Options options_of(const config::AccessLog& log, const config::Syslog& syslog) {
  Options options;
  options.path = log.path;
  options.format = log.format;
  options.ring_entries = log.ring;
  options.line_template = log.line_template;
  options.sample = config::share_of(log.sample).value_or(1);
  options.rotation = {log.rotate, log.rotate_size, log.keep, log.keep_days, log.compress};
  if (log.path == "syslog") options.syslog = find_syslog(syslog);
  options.message = {static_cast<std::uint8_t>(syslog.access_facility), syslog.tag, "access"};
  return options;
}

}  // namespace postern::accesslog
