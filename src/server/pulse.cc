// Daemon's part that looks after the process ten times a second: cores that stand still, resources that run out, and
// the service manager that wants to hear from us.

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "server/daemon.h"

namespace postern::server {

namespace {
constexpr std::chrono::milliseconds kPulse{100};
constexpr std::chrono::milliseconds kForTheStack{200};
constexpr std::int64_t kCountEveryMs = 1'000;
constexpr std::int64_t kTrimEveryMs = 5'000;
constexpr std::int64_t kLatePulseMs = 1'000;
}  // namespace

void Daemon::count_identity(std::int64_t now_ms) {
  counted_ms_ = now_ms;
  std::vector<metrics::AuditTotals> streams;
  for (audit::StreamCounters& one : trail_.counters())
    streams.push_back({std::move(one.name), one.written, one.lost, one.refused, one.syncs, one.is_failing});
  std::vector<metrics::IssuerTotals> issuers;
  for (identity::IssuerStatus& one : keeper_->status())
    issuers.push_back({std::move(one.name), one.keys, one.fetches_good, one.fetches_bad, one.is_failing});
  registry_.set_identity(std::move(streams), std::move(issuers));
  std::vector<metrics::IntrospectionTotals> introspections;
  for (identity::IntrospectionStatus& one : introspector_->status())
    introspections.push_back(
        {std::move(one.name), one.active, one.inactive, one.failed, one.not_asked, one.waiting, one.is_failing});
  std::vector<metrics::DirectoryTotals> directories;
  for (identity::DirectoryStatus& one : directory_->status())
    directories.push_back({std::move(one.name), one.found, one.failed, one.not_asked});
  registry_.set_questions(std::move(introspections), std::move(directories));
}

void Daemon::pulse() {
  const std::int64_t now_ms = now_ns() / 1'000'000;
  look_at_cores(now_ms);
  look_at_resources(now_ms);
  if (now_ms - counted_ms_ >= kCountEveryMs) count_identity(now_ms);
  revocations_.follow(::time(nullptr));
  pulse_.expires_after(kPulse);
  pulse_.async_wait([this](const boost::system::error_code& error) {
    if (!error) pulse();
  });
}

void Daemon::look_at_cores(std::int64_t now_ms) {
  std::vector<std::int64_t> beats;
  for (const auto& core : cores_) beats.push_back(core->heartbeat().last_ms());
  const std::int64_t stuck_after = loaded_.settings.watchdog.stuck_after.count();
  for (const Watchdog::Change& change : watchdog_->look(now_ms, beats, stuck_after)) {
    if (change.stuck)
      core_stands_still(change);
    else
      log::warn("a worker runs again", {{"core", change.core}});
    registry_.set(metrics::Gauge::stuck_cores, static_cast<std::int64_t>(watchdog_->stuck()));
  }
  const std::int64_t interval = std::chrono::floor<std::chrono::milliseconds>(notifier_.watchdog_interval()).count();
  const bool well = watchdog_->stuck() == 0 && watchdog_->longest_ms() < interval / 2;
  if (interval == 0 || !well || now_ms - fed_ms_ < interval / 3) return;
  fed_ms_ = now_ms;
  notifier_.watchdog();
}

// Nothing in this process can make that thread go on. Where somebody starts us anew, that is what helps.
void Daemon::core_stands_still(const Watchdog::Change& change) {
  const config::WatchdogAction action = loaded_.settings.watchdog.action;
  const bool restarts = notifier_.is_managed() || ::getpid() == 1;
  const bool ends =
      action == config::WatchdogAction::abort || (action == config::WatchdogAction::automatic && restarts);
  registry_.count(metrics::Event::core_stuck);
  log::error("a worker stands still",
             {{"core", change.core}, {"ms", change.still_ms}, {"action", ends ? "abort" : "log"}});
  dump_stack_of(cores_[change.core]->heartbeat().thread());
  if (!ends) return;
  std::this_thread::sleep_for(kForTheStack);
  std::abort();
}

// The median: one worker that is late alone is the watchdog's affair, and no reason to turn away all others' clients.
// When this thread was late itself, the process as a whole did not run: that says nothing of how much there is to do.
std::int64_t Daemon::common_lag(std::int64_t now_ms) {
  if (pulsed_ms_ != 0 && now_ms - pulsed_ms_ > kLatePulseMs) lag_counts_from_ms_ = now_ms + kLatePulseMs;
  pulsed_ms_ = now_ms;
  if (now_ms < lag_counts_from_ms_) return 0;
  std::vector<std::int64_t> lags;
  for (const auto& core : cores_) lags.push_back(core->heartbeat().lag_ms(now_ms));
  const auto median = lags.begin() + static_cast<std::ptrdiff_t>((lags.size() - 1) / 2);
  std::nth_element(lags.begin(), median, lags.end());
  return *median;
}

void Daemon::look_at_resources(std::int64_t now_ms) {
  const config::Overload& marks = loaded_.settings.overload;
  Resources now = sampler_.sample(marks.memory_limit, now_ms);
  now.lag_ms = common_lag(now_ms);
  registry_.set(metrics::Gauge::overload_memory_permil, now.memory_permil());
  registry_.set(metrics::Gauge::overload_files_permil, now.files_permil());
  const bool changed = overload_.update(marks, now, now_ms);
  // What connections have given back stays with the allocator, and would look like need for ever.
  if (overload_.stage() != Stage::none && overload_.reason() == "memory" && now_ms - trimmed_ms_ >= kTrimEveryMs) {
    trimmed_ms_ = now_ms;
    ::malloc_trim(0);
  }
  if (!changed) return;
  const Stage stage = overload_.stage();
  registry_.set(metrics::Gauge::overload_stage, static_cast<std::int64_t>(stage));
  log::warn("overload", {{"stage", to_string(stage)},
                         {"reason", stage == Stage::none ? std::string_view("over") : overload_.reason()},
                         {"memory_permil", now.memory_permil()},
                         {"files_permil", now.files_permil()},
                         {"lag_ms", now.lag_ms}});
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(marks.retry_after).count();
  for (auto& core : cores_) core->post_overload(stage, overload_.closes_idle(), std::to_string(seconds));
}

}  // namespace postern::server
