// Every address of one host name, with one port.
#include "config/syntax.h"
#include "postern/discovery.h"

namespace postern::discovery {
namespace {

class DnsSource final : public DiscoverySource {
 public:
  explicit DnsSource(std::string name) : name_(std::move(name)) {}
  void start(DiscoverySink& sink) override {
    std::vector<FoundEndpoint> one;
    one.push_back({.address = name_, .zone = {}});
    sink.found(std::move(one));
  }

 private:
  const std::string name_;
};

std::optional<DiscoveryProblem> check(const config::Upstream& settings) {
  const std::optional<config::Address> address = config::parse_address(settings.discovery.name);
  if (!address || address->is_unix || address->port == 0 || config::is_ip(address->host)) {
    return DiscoveryProblem{"discovery.name", "must be a host name with a port, such as \"models.internal:9000\""};
  }
  if (!settings.discovery.file.empty()) return DiscoveryProblem{"discovery.file", "has no effect with kind \"dns\""};
  return std::nullopt;
}

std::unique_ptr<DiscoverySource> make(const config::Upstream& settings, DiscoveryTools&) {
  return std::make_unique<DnsSource>(settings.discovery.name);
}

}  // namespace

extern constinit const DiscoveryKind kDnsSource{
    .name = "dns", .doc = "every address of a host name", .looks = false, .check = check, .make = make};

}  // namespace postern::discovery
