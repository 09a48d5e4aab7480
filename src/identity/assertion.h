// What upstreams are told under a signature of our own: a short-lived Ed25519 JWT that names the caller, for exactly
// one upstream. Signed once per caller and upstream and used again until half of its life is over. AssertionKey is
// shared and immutable; an AssertionSigner is one core's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "config/settings_identity.h"
#include "crypto/ed25519.h"
#include "crypto/loaded.h"
#include "crypto/secret_text.h"
#include "postern/principal.h"

namespace postern::identity {

struct AssertionKey {
  crypto::SecretText pem;
  std::string kid;
  std::string issuer;
  std::int64_t lifetime_s = 120;
  std::string jwks;  // its public half, as a JSON Web Key Set

  /// Of the file, or a new one where the config names none. Start-up and reload.
  static crypto::Loaded<std::shared_ptr<const AssertionKey>> load(const config::Assertion& settings);
};

class AssertionSigner {
 public:
  /// That key from now on. Control of the core's own thread.
  void install(std::shared_ptr<const AssertionKey> key);
  /// nullptr: there is no key, or the library would not sign.
  std::shared_ptr<const std::string> assert_for(const PrincipalPin& who, std::string_view upstream, std::int64_t now_s);

 private:
  std::shared_ptr<const AssertionKey> key_;
  std::unique_ptr<const crypto::Ed25519Key> signer_;
  std::uint64_t generation_ = 0;
};

}  // namespace postern::identity
