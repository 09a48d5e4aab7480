// Where the endpoints of an upstream come from. Author's contract: one file src/discovery/source_<name>.cc that defines
// `extern constinit const DiscoveryKind k<Name>Source`; the build makes the table of them.
// A source lives on the thread of discovery, of which there is one: nothing here is called from another thread, nothing
// may block it. A source says what it knows; names among its addresses are resolved and followed for it, sets that are
// empty or too large are dealt with behind it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.h"
#include "http/address.h"

namespace postern {

/// One endpoint, or as many as its host name has addresses.
struct FoundEndpoint {
  std::string address;         // as in the config: "10.0.0.1:80", "[::1]:80", "unix:/path", "host:port"
  std::uint32_t weight = 1;    // 0: known, but gets nothing
  std::uint32_t priority = 0;  // 0 first
  std::string zone;

  friend bool operator==(const FoundEndpoint&, const FoundEndpoint&) = default;
};

/// Why there is nothing good this time.
enum class Absence : std::uint8_t {
  empty,    // the answer is that there is nothing
  failed,   // no answer
  invalid,  // an answer that is not what it has to be
};

/// Takes what a source says. Calling it may not destroy the source.
class DiscoverySink {
 public:
  /// All of them, instead of those of before.
  virtual void found(std::vector<FoundEndpoint> endpoints) = 0;
  /// Those of before stay. `why` goes to the log when things turn bad, not each time.
  virtual void not_found(Absence kind, std::string_view why) = 0;

 protected:
  ~DiscoverySink() = default;
};

class DiscoverySource {
 public:
  /// Ends everything that it has under way.
  virtual ~DiscoverySource() = default;
  /// Once. The sink hears of it then or later, and again with every change.
  virtual void start(DiscoverySink& sink) = 0;
  /// Somebody reloads: a look now instead of later, where that is cheap.
  virtual void refresh() {}
};

struct AddressAnswer {
  std::optional<Absence> absence;  // none: it is good
  std::string why;
  std::uint32_t ttl_s = 0;  // 0: it does not say
  std::vector<http::Address> addresses;
};

struct ServiceRecord {
  std::string host;
  std::uint16_t port = 0;
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;

  friend auto operator<=>(const ServiceRecord&, const ServiceRecord&) = default;
};

struct ServiceAnswer {
  std::optional<Absence> absence;
  std::string why;
  std::uint32_t ttl_s = 0;
  std::vector<ServiceRecord> records;
};

/// Its end cancels it.
class DiscoveryTimer {
 public:
  virtual ~DiscoveryTimer() = default;
  /// Once, from now; what was set before will not run.
  virtual void set(std::int64_t delay_ms, std::function<void()> run) = 0;
};

/// Its end ends the watch.
class DiscoveryWatch {
 public:
  virtual ~DiscoveryWatch() = default;
};

/// What sources work with; outlives them. Answers come later, never from within the call; tie() them to a Lifeline.
class DiscoveryTools {
 public:
  virtual std::unique_ptr<DiscoveryTimer> make_timer() = 0;
  /// `family`: ipv4 or ipv6.
  virtual void find_addresses(const std::string& host, config::AddressFamily family,
                              std::function<void(AddressAnswer)> done) = 0;
  virtual void find_services(const std::string& name, std::function<void(ServiceAnswer)> done) = 0;
  /// Whenever the file may have another content than before.
  virtual std::unique_ptr<DiscoveryWatch> watch(const std::string& file, std::function<void()> changed) = 0;
  /// In [0, 1).
  virtual double random() = 0;

 protected:
  ~DiscoveryTools() = default;
};

/// Callbacks that are tied to it do nothing any more once it is gone. A member of who owns them, the last one.
class Lifeline {
 public:
  template <class F>
  auto tie(F f) const {
    return [alive = std::weak_ptr<const bool>(alive_), f = std::move(f)](auto&&... arguments) mutable {
      if (!alive.expired()) f(std::forward<decltype(arguments)>(arguments)...);
    };
  }
  /// As if it were gone, for all that is tied so far.
  void renew() { alive_ = std::make_shared<const bool>(true); }

 private:
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

struct DiscoveryProblem {
  std::string key;  // below the upstream: "discovery.name"
  std::string message;
};

struct DiscoveryKind {
  std::string_view name;  // as in the config
  std::string_view doc;   // one line
  bool looks = true;      // finds by itself; false: it only names what is followed
  /// Whether the keys are what make() needs; nothing that is outside the config.
  std::optional<DiscoveryProblem> (*check)(const config::Upstream& settings) = nullptr;
  std::unique_ptr<DiscoverySource> (*make)(const config::Upstream& settings, DiscoveryTools& tools) = nullptr;
};

}  // namespace postern
