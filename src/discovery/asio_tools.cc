#include "discovery/asio_tools.h"

#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>

#include "net/file_watch.h"

namespace postern::discovery {

namespace asio = boost::asio;

namespace {

class AsioTimer final : public DiscoveryTimer {
 public:
  explicit AsioTimer(asio::io_context& io) : timer_(io) {}

  void set(std::int64_t delay_ms, std::function<void()> run) override {
    life_.renew();
    timer_.expires_after(std::chrono::milliseconds(delay_ms));
    timer_.async_wait(life_.tie([r = std::move(run)](const boost::system::error_code& error) {
      if (!error) r();
    }));
  }

 private:
  asio::steady_timer timer_;
  Lifeline life_;
};

class AsioWatch final : public DiscoveryWatch {
 public:
  AsioWatch(asio::io_context& io, const std::string& file, std::function<void()> changed)
      : changed_(std::move(changed)), watch_({file}), timer_(io) {
    // Its own copy: the descriptor closes what it holds, and so does the watch.
    if (watch_.fd() >= 0) descriptor_.emplace(io, ::dup(watch_.fd()));
    wait();
  }

 private:
  void wait() {
    if (!descriptor_) return look_after(net::FileWatch::kPollInterval);
    descriptor_->async_wait(asio::posix::stream_descriptor::wait_read,
                            life_.tie([this](const boost::system::error_code& error) {
                              if (!error) look_after(net::FileWatch::kSettle);
                            }));
  }

  void look_after(std::chrono::milliseconds delay) {
    timer_.expires_after(delay);
    timer_.async_wait(life_.tie([this](const boost::system::error_code& error) {
      if (error) return;
      const bool changed = watch_.drain_changed();
      wait();
      if (changed) changed_();
    }));
  }

  const std::function<void()> changed_;
  net::FileWatch watch_;
  asio::steady_timer timer_;
  std::optional<asio::posix::stream_descriptor> descriptor_;
  Lifeline life_;
};

}  // namespace

AsioTools::AsioTools(asio::io_context& io, const config::Discovery& settings)
    : io_(io), dns_(io, {settings.servers, settings.timeout.count()}) {}

std::unique_ptr<DiscoveryTimer> AsioTools::make_timer() { return std::make_unique<AsioTimer>(io_); }

std::unique_ptr<DiscoveryWatch> AsioTools::watch(const std::string& file, std::function<void()> changed) {
  return std::make_unique<AsioWatch>(io_, file, std::move(changed));
}

double AsioTools::random() { return static_cast<double>(random_.next() >> 11) * 0x1.0p-53; }

}  // namespace postern::discovery
