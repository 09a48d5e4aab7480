// The addresses of one host name, looked up again as their TTL says. An answer that is bad or empty changes nothing:
// what was good stays. The thread of discovery only; the owner hears of every outcome.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "discovery/pace.h"
#include "postern/discovery.h"

namespace postern::discovery {

class FollowedName {
 public:
  class Owner {
   public:
    /// `absence`: none when the look was good; `why` then is empty. `changed`: its addresses
    /// are others now. May not destroy the name.
    virtual void on_looked_up(FollowedName& name, std::optional<Absence> absence, const std::string& why,
                              bool changed) = 0;

   protected:
    ~Owner() = default;
  };

  using Addresses = std::vector<http::Address>;

  FollowedName(DiscoveryTools& tools, const config::Discovery& settings, std::string host, Owner& owner);
  FollowedName(const FollowedName&) = delete;
  FollowedName& operator=(const FollowedName&) = delete;

  /// `known`: what another one of this name had found.
  void start(const Addresses& known = {});

  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  /// As of the last good answer, in order.
  [[nodiscard]] Addresses addresses() const;
  /// A first answer has come, good or bad.
  [[nodiscard]] bool is_settled() const noexcept { return settled_; }
  /// The last answer was good.
  [[nodiscard]] bool is_good() const noexcept { return good_; }

 private:
  static constexpr std::size_t kFamilies = 2;
  void look();
  void on_answer(std::size_t family, AddressAnswer answer);
  void evaluate();

  DiscoveryTools& tools_;
  const std::string host_;
  const config::AddressFamily family_;
  Owner& owner_;
  Pace pace_;
  std::array<Addresses, kFamilies> good_addresses_;              // IPv4, IPv6
  std::array<std::optional<AddressAnswer>, kFamilies> answers_;  // of the present look
  std::size_t missing_ = 0;                                      // answers that the present look waits for
  bool settled_ = false;
  bool good_ = false;
  std::unique_ptr<DiscoveryTimer> timer_;
  Lifeline life_;
};

}  // namespace postern::discovery
