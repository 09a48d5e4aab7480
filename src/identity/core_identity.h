// What one core knows of callers: the tokens that it has verified, the keys and revocations of this moment, and what it
// takes to verify another one. recall() is all that a warm request pays; verify() costs a signature and is never made
// twice for the same good token. What the control thread publishes (keys, revocations, API keys) comes by posts.
// One core only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings_identity.h"
#include "identity/api_key_set.h"
#include "identity/failure_budget.h"
#include "identity/introspection.h"
#include "identity/issuer_set.h"
#include "identity/live_keys.h"
#include "identity/negative_table.h"
#include "identity/revocation_table.h"
#include "identity/token_cache.h"
#include "identity/token_fault.h"

namespace postern::identity {

/// What the control thread has published last. Immutable; `generation` grows with every config.
struct IdentitySources {
  std::uint64_t generation = 0;
  config::Credentials credentials;
  std::shared_ptr<const IssuerSet> issuers;   // never null
  std::shared_ptr<const ApiKeySet> api_keys;  // nullptr: there are none
};

/// Stands for the key where an introspection is what a token's facts rest on.
inline constexpr KeyId kIntrospectionKey = 1;

enum class Verdict : std::uint8_t {
  good,
  refused,      // 401
  remembered,   // 401, as a moment ago
  over_budget,  // 429
  unknown_key,  // its issuer may have a new key: ask, then verify again
  no_groups,    // good, but its groups have to be looked up: see verify_with_groups()
  unavailable,  // 503
};

struct Identified {
  Verdict verdict = Verdict::refused;
  PrincipalPin who{};
  std::string_view reason{};  // static, for the log: never the caller's business
  // unknown_key and unavailable: whose keys are missed, and which one; no_groups: in whose directory, and where
  std::string issuer{};
  std::string kid{};
};

class CoreIdentity {
 public:
  struct Moment {
    std::int64_t unix_s = 0;
    std::int64_t steady_ms = 0;
  };

  CoreIdentity();

  void install(std::shared_ptr<const IdentitySources> sources, std::int64_t unix_s);
  void revoke(const RevocationBatch& batch, std::int64_t unix_s) { revoked_.apply(batch, unix_s); }
  [[nodiscard]] bool is_installed() const noexcept { return sources_ != nullptr; }
  [[nodiscard]] const IdentitySources& sources() const noexcept { return *sources_; }

  [[nodiscard]] KeyedHash hash_of(std::string_view token) const noexcept { return cache_->hash_of(token); }
  /// Known and still good; else nothing, and verify() says what it is.
  PrincipalPin recall(std::string_view token, const KeyedHash& hash, std::int64_t unix_s) noexcept {
    return cache_->find(token, hash, present(unix_s));
  }
  Identified verify(std::string_view token, const KeyedHash& hash, const http::Address& client, Moment now);

  /// Whether that issuer has to be asked about the token: it is opaque, or its own and `all` are asked about.
  [[nodiscard]] bool is_asked_about(std::string_view token, std::string_view issuer, bool all) const;
  /// Before it is asked. `good`, without anybody: go on; what the client may ask is charged until introspected().
  Identified may_introspect(const KeyedHash& hash, std::string_view issuer, const http::Address& client,
                            Moment now) noexcept;
  /// What it has said; nullptr: nothing in time.
  Identified introspected(std::string_view token, const KeyedHash& hash, std::string_view issuer,
                          const IntrospectionAnswer* said, const http::Address& client, Moment now);
  /// That issuer has told somebody that the token is not active (any more).
  void forget(std::string_view token, std::string_view issuer, Moment now) noexcept;

  /// verify() once more, after no_groups; nullptr: they could not be had, and stay unknown for a while.
  Identified verify_with_groups(std::string_view token, const KeyedHash& hash, const std::vector<std::string>* groups,
                                const http::Address& client, Moment now);

  /// For proofs that are checked elsewhere: the same budget as tokens have.
  bool may_check(const http::Address& client, Moment now) noexcept { return budget_.may_check(client, now.steady_ms); }
  void failed(const http::Address& client, Moment now) noexcept { budget_.failed(client, now.steady_ms); }

  /// A credential is not good, as somebody else has found out: verify() need not, for a while.
  Identified remember(const KeyedHash& hash, std::string_view reason, Moment now) noexcept {
    return refuse(hash, reason, now);
  }

  [[nodiscard]] const TokenCache& cache() const noexcept { return *cache_; }
  [[nodiscard]] RevocationTable& revocations() noexcept { return revoked_; }

 private:
  [[nodiscard]] TokenCache::Present present(std::int64_t unix_s) noexcept {
    return {unix_s, sources_->generation, keys_, revoked_};
  }
  Identified verify_api_key(std::string_view token, const KeyedHash& hash, const http::Address& client, Moment now);
  /// What is known of groups that the token has no room for.
  struct Missing {
    bool looked_up = false;
    const std::vector<std::string>* groups = nullptr;
  };
  Identified verify_jwt(std::string_view token, const KeyedHash& hash, const http::Address& client, Moment now,
                        Missing missing);
  Identified accept(std::string_view token, const KeyedHash& hash, Principal principal, const TokenFacts& facts,
                    Moment now);
  Identified refuse(const KeyedHash& hash, std::string_view reason, Moment now) noexcept;
  Identified judge(std::string_view token, const KeyedHash& hash, std::string_view issuer,
                   const IntrospectionAnswer& said, Moment now);

  const HashSeed seed_;
  std::shared_ptr<const IdentitySources> sources_;
  std::unique_ptr<TokenCache> cache_;
  NegativeTable refused_;
  FailureBudget budget_;
  LiveKeys keys_;
  RevocationTable revoked_;
};

}  // namespace postern::identity
