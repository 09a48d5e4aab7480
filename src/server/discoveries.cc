#include "server/discoveries.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>

#include "base/log.h"
#include "config/print.h"
#include "discovery/asio_tools.h"
#include "server/build_discovery.h"

namespace postern::server {

namespace asio = boost::asio;

/// Between what is found and the upstream; once closed nothing passes any more, whatever the other thread is doing.
struct Discoveries::Gate {
  explicit Gate(std::shared_ptr<upstream::SharedUpstream> to) : shared(std::move(to)) {}

  void assign(const discovery::Endpoints& found) {
    const std::lock_guard lock(mutex);
    if (shared) shared->assign(to_specs(found));
  }
  void close() {
    const std::lock_guard lock(mutex);
    shared = nullptr;
  }

  std::mutex mutex;
  std::shared_ptr<upstream::SharedUpstream> shared;  // guarded by mutex
};

/// Counts those that are to come to something.
struct Discoveries::Latch {
  void add() {
    const std::lock_guard lock(mutex);
    ++missing;
  }
  void arrive() {
    const std::lock_guard lock(mutex);
    --missing;
    changed.notify_all();
  }
  void wait(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, most, [this] { return missing == 0; });
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::size_t missing = 0;  // guarded by mutex
};

struct Discoveries::Wanted {
  config::Upstream settings;
  std::shared_ptr<Gate> gate;
};

// The finder goes first: it uses the tools.
struct Discoveries::Running {
  discovery::AsioTools tools;
  discovery::Finder finder;

  Running(Io& io, const Wanted& wanted, metrics::DiscoveryRow& row)
      : tools(io, wanted.settings.discovery),
        finder(wanted.settings.name, wanted.settings, tools, row,
               [gate = wanted.gate](const discovery::Endpoints& found) { gate->assign(found); }) {}
};

namespace {

// A lookup ends by its own timeout, and says why. The control thread has other things to do as well, so not for long.
constexpr std::chrono::milliseconds kSlack{500};
constexpr std::chrono::milliseconds kMostPatience{5'000};

/// What must be equal for the looking to go on as it is.
std::string identity_of(const config::Upstream& settings) {
  config::Settings alone;
  config::Upstream& one = alone.upstreams.emplace_back();
  one.name = settings.name;
  one.endpoints = settings.endpoints;
  one.members = settings.members;
  one.discovery = settings.discovery;
  return config::print(alone);
}

}  // namespace

Discoveries::Discoveries(metrics::MetricsRegistry& registry) : registry_(registry), work_(io_.get_executor()) {}

Discoveries::~Discoveries() {
  if (!thread_.joinable()) return;
  asio::post(io_, [this] {
    running_.clear();
    io_.stop();
  });
  thread_.join();
}

void Discoveries::run() {
  ::pthread_setname_np(::pthread_self(), "discovery");
  io_.run();
}

void Discoveries::begin(Wanted wanted, const std::shared_ptr<Latch>& latch) {
  metrics::DiscoveryRow& row = registry_.discovery(wanted.settings.name);
  row.used = true;
  latch->add();
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  asio::post(io_, [this, latch, &row, w = std::move(wanted)] {
    std::unique_ptr<Running>& place = running_[w.settings.name];
    discovery::Finder::KnownNames known;
    if (place) known = place->finder.known();
    try {
      place = std::make_unique<Running>(io_, w, row);
      place->finder.start(std::move(known), [latch] { latch->arrive(); });
    } catch (const std::exception& e) {
      log::error("discovery", {{"upstream", w.settings.name}, {"why", e.what()}});
      latch->arrive();
    }
  });
}

void Discoveries::refresh(const std::string& name) {
  asio::post(io_, [this, name] {
    const auto found = running_.find(name);
    if (found != running_.end() && found->second) found->second->finder.refresh();
  });
}

void Discoveries::end(const std::string& name, const Known& known) {
  known.gate->close();
  registry_.discovery(name).used = false;
  asio::post(io_, [this, name] { running_.erase(name); });
}

void Discoveries::apply(const proxy::Snapshot& snapshot) {
  const auto latch = std::make_shared<Latch>();
  std::chrono::milliseconds patience{0};
  std::map<std::string, Known> before = std::exchange(known_, {});
  for (std::size_t i = 0; i < snapshot.upstreams.size(); ++i) {
    const proxy::Snapshot::UpstreamSpec& spec = snapshot.upstreams[i];
    const config::Upstream& settings = snapshot.settings.upstreams[i];
    if (!spec.discovered) continue;
    Known now{identity_of(settings), spec.shared, nullptr};
    const auto old = before.find(settings.name);
    if (old != before.end() && old->second.identity == now.identity && old->second.shared == now.shared) {
      now.gate = old->second.gate;
      refresh(settings.name);
    } else {
      if (old != before.end()) old->second.gate->close();
      now.gate = std::make_shared<Gate>(now.shared);
      patience = std::max(patience, std::min(settings.discovery.timeout + kSlack, kMostPatience));
      begin({settings, now.gate}, latch);
    }
    known_.emplace(settings.name, std::move(now));
  }
  for (const auto& [name, old] : before) {
    if (!known_.contains(name)) end(name, old);
  }
  latch->wait(patience);
  for (const auto& [name, now] : known_) {
    if (!now.shared->endpoints()->members.empty()) continue;
    log::warn("an upstream has no endpoints yet; its requests are answered with 503", {{"upstream", name}});
  }
}

}  // namespace postern::server
