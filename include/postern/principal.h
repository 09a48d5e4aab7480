// Who is calling, as verified: the answer of every authenticator and the input of policies, limits, identity headers
// and audit. Immutable once made. A Principal belongs to one core: pins are plain counts, and nothing is shared.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern {

enum class CredentialKind : std::uint8_t { none, jwt, opaque, api_key, certificate, session };

constexpr std::string_view to_string(CredentialKind kind) noexcept {
  constexpr std::string_view kNames[] = {"none", "jwt", "opaque", "api_key", "certificate", "session"};
  return kNames[static_cast<std::size_t>(kind)];
}

/// One value of a claim, by its path: {"a": {"b": [1, 2]}} is "a.b" twice.
struct Claim {
  std::string path;
  std::string value;  // texts as they are, numbers and booleans as JSON writes them

  friend auto operator<=>(const Claim&, const Claim&) = default;
};

/// The same texts, fit for header values: identity/header_texts.h.
struct HeaderTexts {
  std::string subject;
  std::string email;
  std::string name;
  std::string preferred_username;
  std::string groups;  // a comma between two
  std::string roles;
};

struct Principal {
  std::string subject;
  std::string issuer;       // `iss`, or what stands for it: "api-keys", a CA's name
  std::string issuer_name;  // its name in the config
  std::string client_id;    // `azp`, `client_id` or `cid`
  std::string email;
  bool email_verified = false;
  std::string name;
  std::string preferred_username;
  std::string session_id;           // `sid`
  std::vector<std::string> groups;  // sorted, none of them empty
  std::vector<std::string> roles;   // the same: the issuer's, and those that the config maps onto
  std::vector<std::string> scopes;  // the same
  std::vector<std::string> audiences;
  std::vector<Claim> claims;  // sorted; all of them, flat
  std::string acr;
  std::vector<std::string> amr;

  CredentialKind credential = CredentialKind::none;
  std::string credential_id;      // `jti`, the key's id, the certificate's SHA-256: never the credential itself
  std::int64_t expires_at = 0;    // seconds since 1970; 0: never
  std::int64_t issued_at = 0;     // 0: not said
  std::int64_t auth_time = 0;     // 0: not said
  std::string bound_certificate;  // cnf.x5t#S256, base64url; empty: not bound
  std::string bound_key;          // cnf.jkt; empty: not bound

  /// Groups could not all be told (Entra's overage): rules on groups do not hold, deny rules on them do.
  bool groups_incomplete = false;

  HeaderTexts header;
};

/// Keeps a Principal alive. One core only: no atomics. nullptr: nobody is known.
class PrincipalPin {
 public:
  PrincipalPin() = default;
  explicit PrincipalPin(Principal principal) : block_(new Block{std::move(principal), 1}) {}
  PrincipalPin(const PrincipalPin& other) noexcept : block_(other.block_) {
    if (block_) ++block_->pins;
  }
  PrincipalPin(PrincipalPin&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  PrincipalPin& operator=(PrincipalPin other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~PrincipalPin() {
    if (block_ && --block_->pins == 0) delete block_;
  }

  /// What its core has made for it and wants to keep as long as it lives: a signed assertion per upstream.
  struct Note {
    std::uint64_t key = 0;
    std::int64_t good_until = 0;
    std::shared_ptr<const std::string> text;  // requests on their way hold it, too
  };
  std::vector<Note>& notes() const noexcept { return block_->notes; }

  const Principal* get() const noexcept { return block_ ? &block_->principal : nullptr; }
  const Principal* operator->() const noexcept { return &block_->principal; }
  const Principal& operator*() const noexcept { return block_->principal; }
  explicit operator bool() const noexcept { return block_ != nullptr; }

 private:
  struct Block {
    const Principal principal;
    std::uint32_t pins;
    std::vector<Note> notes{};
  };
  Block* block_ = nullptr;
};

}  // namespace postern
