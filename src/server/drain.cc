// Daemon's part on its end: SIGTERM, and the upgrade that lets a successor serve before this process ends.

#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "server/daemon.h"

namespace postern::server {

namespace asio = boost::asio;

namespace {
/// After an upgrade nobody waits for this process: clients may use the connections that they have for one request more,
/// instead of seeing them closed just when they send it.
constexpr DrainPlan kAfterUpgrade{wire::Drain::last_request, 5'000, false};
/// For a tunnel's farewell, and for what has been cut to be gone.
constexpr std::chrono::seconds kLastMoment{3};
}  // namespace

void Daemon::begin_upgrade() {
  const char* why = nullptr;
  if (::getpid() == 1) why = "the first process of a container cannot be replaced";
  if (installing_cores_ != 0) why = "this process has only begun";
  if (draining_) why = "this process is ending";
  if (upgrade_.is_running()) why = "one is on the way";
  if (why) {
    log::warn("upgrade refused", {{"why", why}});
    return;
  }
  log::info("upgrading");
  notifier_.status("upgrading");
  upgrade_.begin(sockets_to_hand_over(), loaded_.settings.upgrade.ready_timeout,
                 [this](bool ready, const std::string& why_not) { on_upgraded(ready, why_not); });
}

void Daemon::on_upgraded(bool ready, const std::string& why_not) {
  registry_.count(ready ? metrics::Event::upgrade_ok : metrics::Event::upgrade_failed);
  const bool reload_now = std::exchange(reload_wanted_, false);
  if (!ready) {
    log::error("upgrade failed, this process serves on", {{"why", why_not}});
    notifier_.status("serving; an upgrade failed: " + why_not);
    if (reload_now) reload();
    return;
  }
  log::info("upgraded, the new process serves", {{"pid", upgrade_.successor()}});
  notifier_.main_process(upgrade_.successor(), "serving after an upgrade");
  if (reload_now) ::kill(upgrade_.successor(), SIGHUP);  // it may have read its config before the change
  handed_over_ = true;
  if (admin_) admin_->leave();
  begin_drain();
}

// Asked twice: no patience. But who only finishes after an upgrade has not been asked yet.
void Daemon::on_terminate() {
  upgrade_.give_up();
  const bool first = !std::exchange(terminated_, true);
  if (!draining_) return begin_drain();
  if (!first) return on_drain_deadline();
  streams_told_ = true;
  for (auto& core : cores_) core->post_end_streams();
}

void Daemon::begin_drain() {
  const config::Duration timeout = loaded_.settings.drain_timeout;
  draining_ = true;
  registry_.set(metrics::Gauge::draining, 1);
  log::info("draining", {{"deadline_ms", static_cast<std::int64_t>(timeout.count())}});
  if (!handed_over_) {
    notifier_.stopping("draining");
    notifier_.extend(timeout + 2 * kLastMoment);
  }
  close_listeners();
  draining_cores_ = cores_.size();
  const DrainPlan plan = handed_over_ ? kAfterUpgrade : DrainPlan();
  streams_told_ = plan.end_streams;
  for (auto& core : cores_) {
    core->post_drain([this] { asio::post(io_, [this] { core_drained(); }); }, plan);
  }
  deadline_.expires_after(timeout);
  deadline_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_drain_deadline();
  });
}

void Daemon::core_drained() {
  if (--draining_cores_ == 0) stop();
}

void Daemon::on_drain_deadline() {
  if (cut_) return stop();  // not even that helped
  if (!streams_told_) {
    streams_told_ = true;
    for (auto& core : cores_) core->post_end_streams();
  } else {
    cut_ = true;
    log::warn("drain deadline passed, cutting what is left");
    for (auto& core : cores_) core->post_cut();
  }
  deadline_.expires_after(kLastMoment);
  deadline_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_drain_deadline();
  });
}

void Daemon::stop() {
  for (auto& core : cores_) core->post_stop();
  if (admin_) admin_->stop();
  io_.stop();
}

}  // namespace postern::server
