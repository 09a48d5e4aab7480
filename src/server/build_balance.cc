// SnapshotBuilder's part on whose turn it is: balancers, hash keys, sticky cookies.
#include <fmt/format.h>
#include <sys/random.h>

#include "balance/kinds.h"
#include "config/path_pattern.h"
#include "crypto/pem_file.h"
#include "server/build_job.h"

namespace postern::server {

using proxy::Snapshot;

namespace {

constexpr std::size_t kKeySize = 32;

std::string balancer_names() {
  std::string names;
  for (const BalancerKind* kind : balance::kinds()) names += (names.empty() ? "" : ", ") + std::string(kind->name);
  return names;
}

/// Where in a match the route's variable of this name will be.
std::uint8_t variable_of(const config::Route& route, const std::string& name) {
  std::uint8_t at = 0;
  for (const config::PathSegment& segment : config::check_path_pattern(route.path).segments) {
    if (segment.kind != config::PathSegment::Kind::variable) continue;
    if (segment.variable == name) return at;
    ++at;
  }
  return proxy::HashKeySpec::kNoVariable;
}

/// nullptr: the system has no randomness.
std::shared_ptr<const crypto::SecretText> random_key() {
  crypto::SecretText key;
  key.buffer().resize(kKeySize);
  if (::getrandom(key.buffer().data(), kKeySize, 0) != static_cast<ssize_t>(kKeySize)) return nullptr;
  return std::make_shared<const crypto::SecretText>(std::move(key));
}

}  // namespace

void SnapshotBuilder::add_balancing(Job& job, std::size_t position, Snapshot::UpstreamSpec& spec) {
  const config::Upstream& upstream = job.loaded.settings.upstreams[position];
  const std::string key = "upstream[" + std::to_string(position) + "].balance";
  spec.cluster.balancer = balance::find_kind(upstream.balance.kind);
  if (!spec.cluster.balancer)
    job.complain(key + ".kind", "there is no balancer \"" + upstream.balance.kind + "\", only " + balancer_names());
  else if (spec.cluster.balancer->wants_key && upstream.balance.key.empty())
    job.complain(key + ".kind", "needs to know what to hash: balance.key");
  else if (!spec.cluster.balancer->wants_key && !upstream.balance.key.empty())
    job.complain(key + ".key", "has no effect with balancer \"" + upstream.balance.kind + "\"");
  spec.cluster.slow_start_ms = upstream.balance.slow_start.count();
  spec.cluster.panic_threshold = upstream.balance.panic_threshold / 100.0;
  spec.cluster.zone = job.loaded.settings.zone;
  spec.hash_key = proxy::HashKeySpec::parse(upstream.balance.key);
  if (upstream.sticky) add_sticky(job, position, spec);
  const auto known = shared_.find(upstream.name);
  spec.shared = known != shared_.end() ? known->second : std::make_shared<upstream::SharedUpstream>(upstream.name);
}

void SnapshotBuilder::add_sticky(Job& job, std::size_t position, Snapshot::UpstreamSpec& spec) {
  const config::UpstreamSticky& sticky = *job.loaded.settings.upstreams[position].sticky;
  std::string attributes = "; Path=/; HttpOnly; SameSite=Lax";
  if (sticky.max_age.count() != 0) attributes += fmt::format("; Max-Age={}", sticky.max_age.count() / 1000);
  spec.sticky = proxy::StickyPolicy{sticky.cookie, std::move(attributes)};
  if (sticky.key_file.empty()) {
    if (!sticky_key_) sticky_key_ = random_key();
    spec.cluster.sticky_key = sticky_key_;
    return;
  }
  const std::string key = "upstream[" + std::to_string(position) + "].sticky.key_file";
  crypto::Loaded<crypto::SecretText> loaded = crypto::read_secret_file("sticky key file", sticky.key_file);
  if (!loaded.value) return job.complain(key, loaded.error);
  if (loaded.value->reveal().size() < kKeySize)
    return job.complain(key, fmt::format("holds fewer than {} bytes", kKeySize));
  spec.cluster.sticky_key = std::make_shared<const crypto::SecretText>(std::move(*loaded.value));
}

/// By Route::index, the order of the config.
void SnapshotBuilder::add_hash_variables(Job& job) {
  for (Snapshot::UpstreamSpec& spec : job.out.upstreams) {
    if (spec.hash_key.from != proxy::HashKeySpec::From::path) continue;
    for (const config::Route& route : job.loaded.settings.routes)
      spec.hash_key.variables.push_back(variable_of(route, spec.hash_key.name));
  }
}

// What reloads decide on endpoints stands from here on; a snapshot that was only checked has changed nothing.
void SnapshotBuilder::accepted(std::shared_ptr<const Snapshot> snapshot) {
  std::map<std::string, std::shared_ptr<upstream::SharedUpstream>> shared;
  for (const Snapshot::UpstreamSpec& spec : snapshot->upstreams) {
    shared.emplace(spec.shared->name(), spec.shared);
    if (spec.discovered) continue;
    spec.shared->assign(spec.endpoints);
    registry_.discovery(spec.shared->name()).endpoints = spec.endpoints.size();
  }
  shared_ = std::move(shared);
  sources_ = snapshot->identity;
  last_ = std::move(snapshot);
}

}  // namespace postern::server
