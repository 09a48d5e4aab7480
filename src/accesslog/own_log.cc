// See own_log.h.
#include "accesslog/own_log.h"

#include <pthread.h>
#include <unistd.h>

#include <cstdlib>
#include <new>
#include <utility>

#include "accesslog/open_sink.h"
#include "base/blocked_signals.h"

namespace postern::accesslog {
namespace {

constexpr std::chrono::milliseconds kNap{100};

Severity severity_of(log::Level level) noexcept {
  switch (level) {
    case log::Level::error:
      return Severity::error;
    case log::Level::warn:
      return Severity::warning;
    case log::Level::info:
      return Severity::info;
    case log::Level::debug:
      return Severity::debug;
  }
  return Severity::error;
}

}  // namespace

QueuedOutput::QueuedOutput(LineSinkPtr sink) : sink_(std::move(sink)) {
  const BlockedSignals blocked;
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "log-output");
}

QueuedOutput::~QueuedOutput() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
    end_ = std::chrono::steady_clock::now() + kLastWords;
  }
  wanted_.notify_one();
  thread_.join();
}

bool QueuedOutput::write(log::Level level, std::string_view line) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (bytes_ + line.size() + 1 > kMostBytes) return false;
    Line& added = lines_.emplace_back(Line{severity_of(level), {}});
    added.text.reserve(line.size() + 1);
    added.text.append(line).append(1, '\n');
    bytes_ += added.text.size();
  } catch (const std::bad_alloc&) {
    return false;
  }
  wanted_.notify_one();
  return true;
}

bool QueuedOutput::next(Line& line) {
  std::unique_lock lock(mutex_);
  wanted_.wait(lock, [this] { return is_ending_ || !lines_.empty(); });
  if (lines_.empty()) return false;
  line = std::move(lines_.front());
  lines_.pop_front();
  bytes_ -= line.text.size();
  return true;
}

void QueuedOutput::run() noexcept {
  Line line;
  while (next(line)) send(line);
}

void QueuedOutput::send(const Line& line) noexcept {
  sink_->set_severity(line.severity);
  std::string_view text = line.text;
  for (;;) {
    const LineSink::Outcome outcome = sink_->write(text);
    if (outcome == LineSink::Outcome::done || outcome == LineSink::Outcome::failed) return;
    {
      const std::lock_guard lock(mutex_);
      if (is_ending_ && std::chrono::steady_clock::now() >= end_) return;
    }
    sink_->wait(kNap);
  }
}

OwnLog::~OwnLog() { log::process().set_output(nullptr); }

void OwnLog::configure(const config::OwnLog& log, const config::Syslog& syslog) {
  log::Logger& logger = log::process();
  logger.set_level(static_cast<log::Level>(log.level));
  logger.set_format(static_cast<log::Format>(log.format));
  logger.set_priority_prefix(log::is_journal(STDERR_FILENO, std::getenv("JOURNAL_STREAM")));
  Where wanted{log.output, {}, {static_cast<std::uint8_t>(syslog.facility), syslog.tag, "log"}};
  if (log.output == config::LogOutput::syslog) wanted.peer = find_syslog(syslog);
  if (wanted == where_) return;
  std::unique_ptr<QueuedOutput> fresh;
  if (log.output == config::LogOutput::syslog) {
    fresh = std::make_unique<QueuedOutput>(open_syslog(wanted.peer, wanted.message));
  } else if (log.output == config::LogOutput::journald) {
    fresh = std::make_unique<QueuedOutput>(open_journald(wanted.message));
  }
  logger.set_output(fresh.get());
  output_ = std::move(fresh);
  where_ = std::move(wanted);
}

}  // namespace postern::accesslog
