// See message_frame.h.
#include "accesslog/message_frame.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <ctime>
#include <utility>

namespace postern::accesslog {
namespace {

/// 2026-01-31T23:59:59.123Z
std::string time_text(std::int64_t unix_ns) {
  const std::time_t seconds = static_cast<std::time_t>(unix_ns / 1'000'000'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> text;
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  return fmt::format("{}.{:03}Z", std::string_view(text.data(), length), unix_ns % 1'000'000'000 / 1'000'000);
}

}  // namespace

SyslogFrame::SyslogFrame(MessageOptions options, std::string host, std::int64_t process_id)
    : options_(std::move(options)),
      rest_(fmt::format(" {} {} {} {} - ", host, options_.tag, process_id, options_.kind)) {}

void SyslogFrame::render(Severity severity, std::int64_t unix_ns) {
  const unsigned priority = options_.facility * 8U + static_cast<unsigned>(severity);
  prefix_ = fmt::format("<{}>1 {}{}", priority, time_text(unix_ns), rest_);
}

JournalFrame::JournalFrame(MessageOptions options) : options_(std::move(options)) { prefix_ = "MESSAGE="; }

void JournalFrame::render(Severity severity, std::int64_t) {
  suffix_ = fmt::format("\nPRIORITY={}\nSYSLOG_FACILITY={}\nSYSLOG_IDENTIFIER={}\nPOSTERN_LOG={}\n",
                        static_cast<unsigned>(severity), options_.facility, options_.tag, options_.kind);
}

std::string syslog_host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "-";
  std::string text(name.data());
  std::erase_if(text, [](char c) { return c <= ' ' || c >= 0x7F; });
  return text.empty() ? "-" : text;
}

}  // namespace postern::accesslog
