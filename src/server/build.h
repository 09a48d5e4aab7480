// Turns settings into a Snapshot: loads certificates, resolves endpoints, compiles routes. Used by `check`, at start
// and at reload, so that all three judge alike. Control thread; blocks on disk and DNS.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/load.h"
#include "crypto/secret_text.h"
#include "crypto/ticket_keys.h"
#include "limit/limit_book.h"
#include "metrics/registry.h"
#include "proxy/snapshot.h"

namespace postern::identity {
struct AssertionKey;
struct IdentitySources;
class IssuerSet;
class KeySet;
}  // namespace postern::identity

namespace postern::server {

class SnapshotBuilder {
 public:
  explicit SnapshotBuilder(metrics::MetricsRegistry& registry) : registry_(registry) {}

  enum class OnBadCertificate : std::uint8_t { refuse, keep_old };

  /// nullptr with diagnostics when something is wrong. `cores` divides limits that are per process.
  /// keep_old: TLS material that does not load any more is taken from the last snapshot, with a line in the log.
  /// `keep`: called last, when all is well: whoever fetches the issuers' keys from now on, and has them.
  using KeepKeys = std::function<std::shared_ptr<const identity::IssuerSet>(const config::Settings&)>;
  std::shared_ptr<const proxy::Snapshot> build(const config::LoadResult& loaded, std::size_t cores,
                                               OnBadCertificate policy, std::vector<config::Diagnostic>& diagnostics,
                                               const KeepKeys& keep = {});
  /// The snapshot is in force, or about to be: it is the "old" of the next build, and its endpoints are those that
  /// every core uses. Before the cores install it, so that none of them finds an upstream empty.
  void accepted(std::shared_ptr<const proxy::Snapshot> snapshot);

  /// What the accepted snapshot has, but with these keys, if they are newer; else nullptr.
  std::shared_ptr<const identity::IdentitySources> with_keys(std::shared_ptr<const identity::IssuerSet> issuers);
  /// Of the last accepted snapshot; nullptr: nothing is asserted.
  [[nodiscard]] std::shared_ptr<const identity::AssertionKey> assertion_key() const noexcept;

  /// The last build had to keep TLS material that does not load any more.
  [[nodiscard]] bool kept_old() const noexcept { return kept_old_; }

  /// Ticket keys whose time has come are replaced.
  void rotate_ticket_keys();
  /// Listener indices are for ever; those that the settings dropped stay as empty places.
  [[nodiscard]] const std::vector<std::string>& listener_names() const noexcept { return names_; }

 private:
  struct Job;
  std::size_t index_of(const std::string& listener);
  void add_listener(Job& job, std::size_t position);
  void add_upstream(Job& job, std::size_t position);
  static void add_hash_variables(Job& job);
  void add_sticky(Job& job, std::size_t position, proxy::Snapshot::UpstreamSpec& spec);
  static void add_endpoints(Job& job, std::size_t position, proxy::Snapshot::UpstreamSpec& spec);
  void add_balancing(Job& job, std::size_t position, proxy::Snapshot::UpstreamSpec& spec);
  void add_routes(Job& job);
  void add_tracing(Job& job);
  // build_identity.cc
  void add_identity(Job& job);
  void add_access(Job& job);
  static void add_audit(Job& job, proxy::AccessRules& rules);
  void add_assertion(Job& job);
  [[nodiscard]] bool keeps_old(const Job& job) const;
  void check_secret(Job& job, const std::string& key, const std::string& file) const;
  [[nodiscard]] std::shared_ptr<const identity::KeySet> last_keys(const std::string& issuer) const;
  std::shared_ptr<const crypto::TicketKeys> ticket_keys(const config::Listener& listener);

  metrics::MetricsRegistry& registry_;
  std::vector<std::string> names_;
  std::map<std::string, std::shared_ptr<crypto::TicketKeys>> keys_;          // by listener
  std::map<std::string, std::shared_ptr<upstream::SharedUpstream>> shared_;  // by upstream
  limit::LimitRegistry limits_;
  const std::shared_ptr<const identity::DpopNonces> nonces_ =
      std::make_shared<const identity::DpopNonces>(identity::DpopNonces::make_key());
  std::shared_ptr<const crypto::SecretText> sticky_key_;  // of this process, where the config has none
  std::shared_ptr<const proxy::Snapshot> last_;
  std::shared_ptr<const identity::IdentitySources> sources_;  // as every core has them, or is about to
  std::uint64_t number_ = 0;
  bool kept_old_ = false;
};

}  // namespace postern::server
