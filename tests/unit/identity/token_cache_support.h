// A token cache with the clock, the keys and the revocations that a test moves by hand.
#pragma once

#include <fmt/format.h>

#include <string>

#include "identity/token_cache.h"

namespace postern::test {

struct CacheFixture {
  static constexpr identity::IssuerIndex kIssuer = 3;
  static constexpr identity::KeyId kKey = 77;

  explicit CacheFixture(identity::TokenCache::Limits limits = {.entries = 256}) : cache(seed, limits) {
    const identity::KeyId keys[] = {kKey, 78};
    live.set(kIssuer, keys);
  }

  identity::TokenCache::Present present() { return {now, generation, live, revoked}; }

  static PrincipalPin somebody(const std::string& subject) {
    Principal who;
    who.subject = subject;
    who.issuer_name = "corp";
    who.session_id = "sid-" + subject;
    who.credential_id = "jti-" + subject;
    who.client_id = "app";
    who.issued_at = 900;
    return PrincipalPin(std::move(who));
  }

  /// As long as a real one; different tokens differ in a few bytes in the middle.
  static std::string token(std::size_t n) {
    return fmt::format("eyJhbGciOiJSUzI1NiJ9.{}{:08}{}", std::string(300, 'a'), n, std::string(271, 'b'));
  }

  bool knows(const std::string& text) { return static_cast<bool>(find(text)); }
  PrincipalPin find(const std::string& text) { return cache.find(text, cache.hash_of(text), present()); }
  void insert(const std::string& text, const std::string& subject = "ann") { insert(text, subject, facts()); }
  void insert(const std::string& text, const std::string& subject, const identity::TokenFacts& facts) {
    cache.insert(text, cache.hash_of(text), somebody(subject), facts, present());
  }
  static identity::TokenFacts facts() { return {.issuer = kIssuer, .key = kKey, .good_until = 5030}; }

  HashSeed seed{1, 2, 3, 4};
  std::int64_t now = 1000;
  std::uint64_t generation = 1;
  identity::LiveKeys live;
  identity::RevocationTable revoked{seed, 64};
  identity::TokenCache cache;
};

}  // namespace postern::test
