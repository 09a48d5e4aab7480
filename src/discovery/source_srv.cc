// The SRV records of a service (RFC 2782): host, port, priority and weight of each endpoint.
#include <algorithm>

#include "config/syntax.h"
#include "discovery/pace.h"
#include "postern/discovery.h"

namespace postern::discovery {
namespace {

std::vector<FoundEndpoint> endpoints_of(const std::vector<ServiceRecord>& records) {
  std::vector<FoundEndpoint> out;
  for (const ServiceRecord& record : records) {
    // A weight of 0 is "hardly anything" in the DNS, and "nothing" to us.
    out.push_back({.address = record.host + ":" + std::to_string(record.port),
                   .weight = std::max<std::uint32_t>(record.weight, 1),
                   .priority = record.priority,
                   .zone = {}});
  }
  return out;
}

class SrvSource final : public DiscoverySource {
 public:
  SrvSource(const config::Discovery& settings, DiscoveryTools& tools)
      : name_(settings.name), tools_(tools), pace_(settings), timer_(tools.make_timer()) {}

  void start(DiscoverySink& sink) override {
    sink_ = &sink;
    look();
  }

 private:
  void look() {
    tools_.find_services(name_, life_.tie([this](ServiceAnswer answer) { on_answer(std::move(answer)); }));
  }

  void on_answer(ServiceAnswer answer) {
    const double random = tools_.random();
    const bool good = !answer.absence;
    timer_->set(good ? pace_.after_good(answer.ttl_s, random) : pace_.after_bad(random), [this] { look(); });
    if (good)
      sink_->found(endpoints_of(answer.records));
    else
      sink_->not_found(*answer.absence, answer.why);
  }

  const std::string name_;
  DiscoveryTools& tools_;
  Pace pace_;
  DiscoverySink* sink_ = nullptr;
  std::unique_ptr<DiscoveryTimer> timer_;
  Lifeline life_;
};

std::optional<DiscoveryProblem> check(const config::Upstream& settings) {
  const std::string& name = settings.discovery.name;
  if (!config::is_host_name(name) || !name.starts_with('_')) {
    return DiscoveryProblem{"discovery.name", "must be the name of a service, such as \"_http._tcp.models.internal\""};
  }
  if (!settings.discovery.file.empty()) return DiscoveryProblem{"discovery.file", "has no effect with kind \"srv\""};
  return std::nullopt;
}

std::unique_ptr<DiscoverySource> make(const config::Upstream& settings, DiscoveryTools& tools) {
  return std::make_unique<SrvSource>(settings.discovery, tools);
}

}  // namespace

extern constinit const DiscoveryKind kSrvSource{
    .name = "srv", .doc = "the SRV records of a service name", .check = check, .make = make};

}  // namespace postern::discovery
