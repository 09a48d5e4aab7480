// Where lines go: a file, a pipe, a syslog server, journald. One implementation per kind, made by open_sink.h.
// Used by one thread, the access log's writer or the own log's (own_log.h); none of them ever blocks in write().
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

namespace postern::accesslog {

/// Severities of RFC 5424; also journald's priorities.
enum class Severity : std::uint8_t { error = 3, warning = 4, info = 6, debug = 7 };

class LineSink {
 public:
  enum class Outcome : std::uint8_t {
    done,
    blocked,      // a reader is slow: wait() ends when it goes on
    unavailable,  // a full disk, a server that is gone: lines are worth keeping for a while
    failed,       // the rest will never go
  };

  virtual ~LineSink() = default;

  /// Takes from `lines`, which are whole and end in '\n' each, and removes what is gone. Unless done, errno says why.
  /// A reader never sees a line twice; what a torn connection or a full disk cut off is sent again from its start.
  virtual Outcome write(std::string_view& lines) noexcept = 0;
  /// Until a write may go on, or that long.
  virtual void wait(std::chrono::milliseconds at_most) noexcept = 0;
  /// SIGUSR1: the file anew under its name. Throws std::system_error, and then nothing has changed.
  virtual void reopen() {}
  /// About once a second, whether there are lines or not.
  virtual void tick() noexcept {}
  /// Of the lines that follow.
  virtual void set_severity(Severity) noexcept {}
  /// Lines that write() had taken and that turned out to be lost, since the last call.
  virtual std::uint64_t take_lost() noexcept { return 0; }
};

using LineSinkPtr = std::unique_ptr<LineSink>;

}  // namespace postern::accesslog
