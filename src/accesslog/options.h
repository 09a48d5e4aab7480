// What the access log is told at start and at every reload; made from the config on the control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "accesslog/message_frame.h"
#include "accesslog/rotation.h"
#include "config/log_syntax.h"
#include "config/settings_logs.h"
#include "net/socket_address.h"

namespace postern::accesslog {

using Format = config::AccessFormat;

/// A syslog server, its name looked up.
struct SyslogPeer {
  config::SyslogTransport transport = config::SyslogTransport::unix_datagram;
  std::vector<net::SocketAddress> addresses;

  bool operator==(const SyslogPeer&) const = default;
};

struct Options {
  std::string path;  // "": off, "stdout", "stderr", "syslog", "journald", or a file
  Format format = Format::json;
  std::size_t ring_entries = 4096;  // per core; an entry is counted as 256 bytes
  std::string line_template = {};   // Format::text
  double sample = 1;                // share of the requests without an error
  RotationPolicy rotation = {};     // of a file
  SyslogPeer syslog = {};           // "syslog"
  MessageOptions message = {};      // "syslog", "journald"

  bool operator==(const Options&) const = default;
};

/// Looks the syslog server's name up, when the log goes there: blocks. Throws std::runtime_error.
Options options_of(const config::AccessLog& log, const config::Syslog& syslog);
SyslogPeer find_syslog(const config::Syslog& syslog);

}  // namespace postern::accesslog
