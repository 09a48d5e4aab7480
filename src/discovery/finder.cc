#include "discovery/finder.h"

#include <algorithm>
#include <set>

#include "base/clock.h"
#include "base/log.h"
#include "config/syntax.h"
#include "discovery/dns_answer.h"
#include "discovery/kinds.h"

namespace postern::discovery {
namespace {

metrics::DiscoveryResult result_of(std::optional<Absence> absence) noexcept {
  if (!absence) return metrics::DiscoveryResult::ok;
  switch (*absence) {
    case Absence::empty:
      return metrics::DiscoveryResult::empty;
    case Absence::failed:
      return metrics::DiscoveryResult::failed;
    case Absence::invalid:
      break;
  }
  return metrics::DiscoveryResult::invalid;
}

std::string text_of(const http::Address& address) {
  char text[http::kIpTextMax];
  return std::string(text, static_cast<std::size_t>(http::write_ip(text, address) - text));
}

}  // namespace

std::vector<FoundEndpoint> static_endpoints(const config::Upstream& settings) {
  std::vector<FoundEndpoint> out;
  for (const std::string& address : settings.endpoints) out.push_back({.address = address, .zone = {}});
  for (const config::UpstreamEndpoint& one : settings.members) {
    out.push_back({one.address, one.weight, one.priority, one.zone});
  }
  return out;
}

Endpoints literal_endpoints(const std::vector<FoundEndpoint>& found) {
  Endpoints out;
  for (const FoundEndpoint& one : found) {
    const std::optional<config::Address> parsed = config::parse_address(one.address);
    if (!parsed) continue;
    const auto address =
        parsed->is_unix ? net::unix_address(parsed->path) : net::ip_address(parsed->host, parsed->port);
    if (address) out.push_back({one, *address});
  }
  return out;
}

Finder::Finder(std::string upstream, config::Upstream settings, DiscoveryTools& tools, metrics::DiscoveryRow& metrics,
               Publish publish)
    : upstream_(std::move(upstream)),
      settings_(std::move(settings)),
      tools_(tools),
      metrics_(metrics),
      publish_(std::move(publish)) {}

void Finder::start(KnownNames known, std::function<void()> settled) {
  known_ = std::move(known);
  settled_ = std::move(settled);
  const DiscoveryKind& kind = *find_kind(settings_.discovery.kind);
  looks_ = kind.looks;
  source_ = kind.make(settings_, tools_);
  source_->start(*this);
}

Finder::KnownNames Finder::known() const {
  KnownNames out = known_;
  for (const auto& [host, name] : names_) {
    if (FollowedName::Addresses addresses = name->addresses(); !addresses.empty()) out[host] = std::move(addresses);
  }
  return out;
}

bool Finder::read_targets(const std::vector<FoundEndpoint>& endpoints, std::vector<Target>& out) {
  for (const FoundEndpoint& one : endpoints) {
    const std::optional<config::Address> parsed = config::parse_address(one.address);
    if (!parsed || (!parsed->is_unix && parsed->port == 0)) return false;
    Target target{one, {}, parsed->port, {}};
    if (parsed->is_unix || config::is_ip(parsed->host)) {
      const Endpoints literal = literal_endpoints({one});
      if (literal.empty()) return false;
      target.address = literal.front().address;
    } else {
      target.host = parsed->host;
    }
    if (out.size() < kMostEndpoints) out.push_back(std::move(target));
  }
  return true;
}

void Finder::found(std::vector<FoundEndpoint> endpoints) {
  std::vector<Target> targets;
  if (endpoints.empty()) return not_found(Absence::empty, "no endpoints");
  if (!read_targets(endpoints, targets)) return not_found(Absence::invalid, "an address that is none");
  next_ = std::move(targets);
  drop_unused();
  std::vector<FollowedName*> fresh;
  FollowedName::Owner& owner = *this;
  for (const Target& target : *next_) {
    if (target.host.empty()) continue;
    auto& name = names_[target.host];
    if (name) continue;
    name = std::make_unique<FollowedName>(tools_, settings_.discovery, target.host, owner);
    fresh.push_back(name.get());
  }
  if (looks_) count(settings_.discovery.kind, std::nullopt, {});
  for (FollowedName* name : fresh) {
    const auto before = known_.find(name->host());
    name->start(before == known_.end() ? FollowedName::Addresses() : before->second);
  }
  take_over();
}

void Finder::not_found(Absence kind, std::string_view why) {
  count(settings_.discovery.kind, kind, why);
  if (!next_) settle();
}

void Finder::on_looked_up(FollowedName& name, std::optional<Absence> absence, const std::string& why, bool changed) {
  count(name.host(), absence, why);
  if (changed) publish();
  take_over();
}

// The next list comes into force when each of its names has answered, whatever that was.
void Finder::take_over() {
  if (!next_) return;
  for (const Target& target : *next_) {
    if (!target.host.empty() && !names_.at(target.host)->is_settled()) return;
  }
  targets_ = std::move(*next_);
  next_.reset();
  drop_unused();
  publish();
  settle();
}

// Of names that neither list has. Never one that is just telling: it is in one of them.
void Finder::drop_unused() {
  std::set<std::string_view> used;
  for (const Target& target : targets_) used.insert(target.host);
  if (next_) {
    for (const Target& target : *next_) used.insert(target.host);
  }
  std::erase_if(bad_, [&](const auto& entry) { return names_.contains(entry.first) && !used.contains(entry.first); });
  std::erase_if(names_, [&](const auto& entry) { return !used.contains(entry.first); });
}

Endpoints Finder::resolve() const {
  Endpoints out;
  const auto add = [&](const Target& target, const net::SocketAddress& address) {
    if (out.size() < kMostEndpoints) out.push_back({target.found, address});
  };
  for (const Target& target : targets_) {
    if (target.host.empty()) {
      add(target, target.address);
      continue;
    }
    for (const http::Address& ip : names_.at(target.host)->addresses()) {
      if (const auto address = net::ip_address(text_of(ip), target.port)) add(target, *address);
    }
  }
  return out;
}

void Finder::publish() {
  Endpoints now = resolve();
  if (now.empty() || now == published_) return;
  published_ = std::move(now);
  metrics_.endpoints.store(published_.size(), std::memory_order_relaxed);
  log::info("endpoints found", {{"upstream", upstream_}, {"endpoints", published_.size()}});
  publish_(published_);
}

void Finder::count(const std::string& about, std::optional<Absence> absence, std::string_view why) {
  metrics_.add(result_of(absence));
  if (!absence) metrics_.good_at.store(coarse_now_ms(), std::memory_order_relaxed);
  bool& bad = bad_[about];
  if (bad == absence.has_value()) return;
  bad = absence.has_value();
  if (bad)
    log::warn(published_.empty() ? "endpoints not found" : "endpoints not found, the last good ones stay",
              {{"upstream", upstream_}, {"of", about}, {"why", why}});
  else
    log::info("endpoints found again", {{"upstream", upstream_}, {"of", about}});
}

void Finder::settle() {
  if (!settled_) return;
  const std::function<void()> settled = std::exchange(settled_, nullptr);
  settled();
}

}  // namespace postern::discovery
