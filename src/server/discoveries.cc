#include "server/discoveries.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <exception>

#include "base/log.h"
#include "config/print.h"
#include "discovery/asio_tools.h"
#include "discovery/finder.h"

namespace postern::server {

namespace asio = boost::asio;

// The finder goes first: it uses the tools.
struct Discoveries::Running {
  discovery::AsioTools tools;
  discovery::Finder finder;

  Running(Io& io, const Wanted& wanted, metrics::DiscoveryRow& row)
      : tools(io, wanted.settings.discovery),
        finder(wanted.settings.name, wanted.settings, tools, row,
               [shared = wanted.shared](const discovery::Endpoints& found) { shared->assign(specs_of(found)); }) {}

  static std::vector<upstream::EndpointSpec> specs_of(const discovery::Endpoints& found) {
    std::vector<upstream::EndpointSpec> out;
    out.reserve(found.size());
    for (const discovery::ResolvedEndpoint& one : found) {
      out.push_back({.name = one.found.address,
                     .address = one.address,
                     .weight = one.found.weight,
                     .priority = one.found.priority,
                     .zone = one.found.zone});
    }
    return out;
  }
};

/// Counts those that are to come to something.
struct Discoveries::Latch {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t missing = 0;  // guarded by mutex

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
};

namespace {

/// What must be equal for the looking to go on as it is.
std::string identity_of(const config::Upstream& settings) {
  config::Settings alone;
  config::Upstream& one = alone.upstreams.emplace_back();
  one.name = settings.name;
  one.endpoints = settings.endpoints;
  one.discovery = settings.discovery;
  return config::print(alone);
}

constexpr std::chrono::milliseconds kSlack{500};  // a lookup ends by its own timeout, and says why

}  // namespace

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

// Plain addresses need nobody to look for them.
bool Discoveries::assign_literals(const Wanted& wanted) {
  if (wanted.settings.discovery.kind != "static") return false;
  const std::vector<FoundEndpoint> all = discovery::static_endpoints(wanted.settings);
  const discovery::Endpoints literals = discovery::literal_endpoints(all);
  if (literals.size() != all.size()) return false;
  wanted.shared->assign(Running::specs_of(literals));
  registry_.discovery(wanted.settings.name).endpoints = literals.size();
  return true;
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

void Discoveries::end(const std::string& name) {
  registry_.discovery(name).used = false;
  asio::post(io_, [this, name] { running_.erase(name); });
}

void Discoveries::apply(std::vector<Wanted> wanted) {
  const auto latch = std::make_shared<Latch>();
  std::chrono::milliseconds patience{0};
  std::map<std::string, Known> before = std::exchange(known_, {});
  for (Wanted& one : wanted) {
    const std::string& name = one.settings.name;
    Known& now = known_[name] = {identity_of(one.settings), one.shared, true};
    const auto old = before.find(name);
    const bool ran = old != before.end() && old->second.runs;
    if (ran && old->second.identity == now.identity && old->second.shared == now.shared) {
      asio::post(io_, [this, name] {
        if (const auto found = running_.find(name); found != running_.end()) found->second->finder.refresh();
      });
    } else if (assign_literals(one)) {
      now.runs = false;
      if (ran) end(name);
    } else {
      patience = std::max(patience, one.settings.discovery.timeout + kSlack);
      begin(one, latch);
    }
  }
  for (const auto& [name, old] : before) {
    if (old.runs && !known_.contains(name)) end(name);
  }
  latch->wait(patience);
  for (const auto& [name, now] : known_) {
    if (!now.shared->endpoints()->members.empty()) continue;
    log::warn("an upstream has no endpoints yet; its requests are answered with 503", {{"upstream", name}});
  }
}

}  // namespace postern::server
