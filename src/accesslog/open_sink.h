// The sink that the options name. Control thread, at start and reload.
#pragma once

#include "accesslog/line_sink.h"
#include "accesslog/options.h"
#include "metrics/registry.h"

namespace postern::accesslog {

/// nullptr when the path is empty. Throws std::system_error with one line to show.
LineSinkPtr open_sink(const Options& options, metrics::MetricsRegistry& registry);

LineSinkPtr open_syslog(const SyslogPeer& peer, const MessageOptions& message);
LineSinkPtr open_journald(const MessageOptions& message);

}  // namespace postern::accesslog
