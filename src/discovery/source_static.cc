// What stands in the config: host names among it are followed.
#include "discovery/finder.h"

namespace postern::discovery {
namespace {

class StaticSource final : public DiscoverySource {
 public:
  explicit StaticSource(const config::Upstream& settings) : endpoints_(static_endpoints(settings)) {}
  void start(DiscoverySink& sink) override { sink.found(endpoints_); }

 private:
  const std::vector<FoundEndpoint> endpoints_;
};

std::optional<DiscoveryProblem> check(const config::Upstream& settings) {
  if (!settings.discovery.name.empty()) return DiscoveryProblem{"discovery.name", "has no effect with kind \"static\""};
  if (!settings.discovery.file.empty()) return DiscoveryProblem{"discovery.file", "has no effect with kind \"static\""};
  return std::nullopt;
}

std::unique_ptr<DiscoverySource> make(const config::Upstream& settings, DiscoveryTools&) {
  return std::make_unique<StaticSource>(settings);
}

}  // namespace

extern constinit const DiscoveryKind kStaticSource{.name = "static",
                                                   .doc = "what stands in endpoints; host names are followed",
                                                   .looks = false,
                                                   .check = check,
                                                   .make = make};

}  // namespace postern::discovery
