// See open_sink.h.
#include "accesslog/open_sink.h"

#include <sys/stat.h>
#include <unistd.h>

#include <system_error>

#include "accesslog/datagram_sink.h"
#include "accesslog/file_sink.h"
#include "accesslog/stream_sink.h"
#include "accesslog/tcp_sink.h"

namespace postern::accesslog {
namespace {

constexpr char kJournalSocket[] = "/run/systemd/journal/socket";

LineSinkPtr open_file(const Options& options, metrics::MetricsRegistry& registry) {
  const int fd = open_log_file(options.path);
  struct stat status {};
  const bool is_file = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  if (is_file) return std::make_unique<FileSink>(fd, options.path, options.rotation, registry);
  if (!options.rotation.rotates()) return std::make_unique<StreamSink>(fd, options.path);
  ::close(fd);
  throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                          "access log " + options.path + ": no regular file, cannot be rotated");
}

}  // namespace

LineSinkPtr open_syslog(const SyslogPeer& peer, const MessageOptions& message) {
  auto frame = std::make_unique<SyslogFrame>(message, syslog_host_name(), ::getpid());
  if (peer.transport == config::SyslogTransport::tcp) {
    return std::make_unique<TcpSink>(peer.addresses, std::move(frame));
  }
  return std::make_unique<DatagramSink>(peer.addresses, std::move(frame));
}

LineSinkPtr open_journald(const MessageOptions& message) {
  return std::make_unique<DatagramSink>(std::vector{*net::unix_address(kJournalSocket)},
                                        std::make_unique<JournalFrame>(message));
}

LineSinkPtr open_sink(const Options& options, metrics::MetricsRegistry& registry) {
  if (options.path.empty()) return nullptr;
  if (options.path == "stdout") return std::make_unique<StreamSink>(STDOUT_FILENO, std::string());
  if (options.path == "stderr") return std::make_unique<StreamSink>(STDERR_FILENO, std::string());
  if (options.path == "syslog") return open_syslog(options.syslog, options.message);
  if (options.path == "journald") return open_journald(options.message);
  return open_file(options, registry);
}

}  // namespace postern::accesslog
