// The daemon's own log (base/log.h) as the config wants it: level, format, and lines to syslog or journald.
// Control thread; lines come from any thread, and a thread of its own sends them, so that no caller ever waits.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "accesslog/line_sink.h"
#include "accesslog/options.h"
#include "base/log.h"
#include "config/settings_logs.h"

namespace postern::accesslog {

/// Holds some lines while its server is away; then new ones are lost, and counted by the Logger.
class QueuedOutput final : public log::Output {
 public:
  explicit QueuedOutput(LineSinkPtr sink);
  ~QueuedOutput() override;  // sends what it holds, for at most kLastWords

  bool write(log::Level level, std::string_view line) noexcept override;

 private:
  static constexpr std::size_t kMostBytes = std::size_t{256} << 10;
  static constexpr std::chrono::milliseconds kLastWords{500};

  struct Line {
    Severity severity;
    std::string text;  // with its '\n'
  };

  void run() noexcept;
  /// The oldest line; waits for one. False: none, and the end has come.
  bool next(Line& line);
  /// False: it was given up.
  void send(const Line& line) noexcept;

  const LineSinkPtr sink_;
  std::mutex mutex_;  // guards the four below
  std::condition_variable wanted_;
  std::deque<Line> lines_;
  std::size_t bytes_ = 0;
  bool is_ending_ = false;
  std::chrono::steady_clock::time_point end_{};
  std::thread thread_;
};

/// The process's log while this lives; afterwards it goes to stderr again.
class OwnLog {
 public:
  OwnLog() = default;
  ~OwnLog();
  OwnLog(const OwnLog&) = delete;
  OwnLog& operator=(const OwnLog&) = delete;

  /// Start and reload. Throws when the syslog server's name is not found; then only level and format have changed.
  void configure(const config::OwnLog& log, const config::Syslog& syslog);

 private:
  struct Where {
    config::LogOutput output = config::LogOutput::standard_error;
    SyslogPeer peer;
    MessageOptions message;

    bool operator==(const Where&) const = default;
  };

  Where where_;
  std::unique_ptr<QueuedOutput> output_;
};

}  // namespace postern::accesslog
