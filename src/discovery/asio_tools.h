// The tools of sources on a real io_context: timers, DNS, watched files. One per upstream, since each may ask servers
// of its own. The thread of discovery only.
#pragma once

#include <boost/asio/io_context.hpp>

#include "base/random.h"
#include "discovery/ares_client.h"

namespace postern::discovery {

class AsioTools final : public DiscoveryTools {
 public:
  AsioTools(boost::asio::io_context& io, const config::Discovery& settings);

  std::unique_ptr<DiscoveryTimer> make_timer() override;
  void find_addresses(const std::string& host, config::AddressFamily family,
                      std::function<void(AddressAnswer)> done) override {
    dns_.find_addresses(host, family, std::move(done));
  }
  void find_services(const std::string& name, std::function<void(ServiceAnswer)> done) override {
    dns_.find_services(name, std::move(done));
  }
  std::unique_ptr<DiscoveryWatch> watch(const std::string& file, std::function<void()> changed) override;
  double random() override;

 private:
  boost::asio::io_context& io_;
  Random random_;
  AresClient dns_;
};

}  // namespace postern::discovery
