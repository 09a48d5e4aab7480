// The endpoints of one upstream at any time: runs its source, follows the host names among what that finds, and tells
// the result. What is not good changes nothing; a new list comes into force when its names have answered, so that no
// set between two good ones is empty. The thread of discovery only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "discovery/followed_name.h"
#include "metrics/registry.h"
#include "net/socket_address.h"
#include "postern/discovery.h"

namespace postern::discovery {

/// One that can be connected to.
struct ResolvedEndpoint {
  FoundEndpoint found;
  net::SocketAddress address;
  friend bool operator==(const ResolvedEndpoint&, const ResolvedEndpoint&) = default;
};
using Endpoints = std::vector<ResolvedEndpoint>;

/// What stands in the config.
std::vector<FoundEndpoint> static_endpoints(const config::Upstream& settings);
/// All that are no host names; what cannot be read is left out.
Endpoints literal_endpoints(const std::vector<FoundEndpoint>& found);

class Finder final : private DiscoverySink, private FollowedName::Owner {
 public:
  using KnownNames = std::map<std::string, FollowedName::Addresses>;
  using Publish = std::function<void(const Endpoints&)>;

  Finder(std::string upstream, config::Upstream settings, DiscoveryTools& tools, metrics::DiscoveryRow& metrics,
         Publish publish);
  Finder(const Finder&) = delete;
  Finder& operator=(const Finder&) = delete;

  /// `known`: what the finder before this one knew. `settled` is called once: the first set is there, or could not be.
  void start(KnownNames known, std::function<void()> settled);
  void refresh() { source_->refresh(); }
  [[nodiscard]] KnownNames known() const;

 private:
  struct Target {
    FoundEndpoint found;
    std::string host;  // empty: `address` is it
    std::uint16_t port = 0;
    net::SocketAddress address;
  };

  void found(std::vector<FoundEndpoint> endpoints) override;
  void not_found(Absence kind, std::string_view why) override;
  void on_looked_up(FollowedName& name, std::optional<Absence> absence, const std::string& why, bool changed) override;

  bool read_targets(const std::vector<FoundEndpoint>& endpoints, std::vector<Target>& out);
  void take_over();
  void drop_unused();
  void publish();
  [[nodiscard]] Endpoints resolve() const;
  void count(const std::string& about, std::optional<Absence> absence, std::string_view why);
  void settle();

  const std::string upstream_;
  const config::Upstream settings_;
  DiscoveryTools& tools_;
  metrics::DiscoveryRow& metrics_;
  const Publish publish_;
  std::function<void()> settled_;
  KnownNames known_;
  std::vector<Target> targets_;              // in force
  std::optional<std::vector<Target>> next_;  // waits for its names
  std::map<std::string, std::unique_ptr<FollowedName>> names_;
  std::map<std::string, bool> bad_;  // who is in trouble: told once
  Endpoints published_;
  bool looks_ = false;
  std::unique_ptr<DiscoverySource> source_;
};

}  // namespace postern::discovery
