// What stands around a line when it is sent as a message: an RFC 5424 header, or the fields of journald's protocol.
// A frame is rendered once for a batch of lines. The thread of its sink.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "accesslog/line_sink.h"

namespace postern::accesslog {

struct MessageOptions {
  std::uint8_t facility = 16;  // RFC 5424, table 1; 16: local0
  std::string tag;             // APP-NAME, SYSLOG_IDENTIFIER
  std::string kind;            // MSGID, POSTERN_LOG: "access" or "log"

  bool operator==(const MessageOptions&) const = default;
};

class MessageFrame {
 public:
  virtual ~MessageFrame() = default;
  /// prefix() and suffix() as they are at this time.
  virtual void render(Severity severity, std::int64_t unix_ns) = 0;
  [[nodiscard]] std::string_view prefix() const noexcept { return prefix_; }
  [[nodiscard]] std::string_view suffix() const noexcept { return suffix_; }

 protected:
  std::string prefix_;
  std::string suffix_;
};

/// `<PRI>1 TIME HOST TAG PID KIND - ` and the line; no structured data, no byte order mark.
class SyslogFrame final : public MessageFrame {
 public:
  SyslogFrame(MessageOptions options, std::string host, std::int64_t process_id);
  void render(Severity severity, std::int64_t unix_ns) override;

 private:
  const MessageOptions options_;
  const std::string rest_;  // from the host on
};

/// MESSAGE=line, PRIORITY, SYSLOG_FACILITY, SYSLOG_IDENTIFIER, POSTERN_LOG.
class JournalFrame final : public MessageFrame {
 public:
  explicit JournalFrame(MessageOptions options);
  void render(Severity severity, std::int64_t unix_ns) override;

 private:
  const MessageOptions options_;
};

/// The machine's name as RFC 5424 wants it: visible ASCII, at most 255; "-" when there is none.
std::string syslog_host_name();

}  // namespace postern::accesslog
