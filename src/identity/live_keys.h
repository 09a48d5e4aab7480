// Which keys of which issuer are believed right now, as one core knows it: what the token cache asks about an entry
// whose issuer has changed its keys since. Told by posts from the control thread; read on every hit. One core only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace postern::identity {

/// An issuer's place in the config's list, the same for one generation of the config.
using IssuerIndex = std::uint16_t;
/// Stands for the file of API keys where an issuer's index is asked for.
inline constexpr IssuerIndex kApiKeyIssuer = 0xffff;

/// A key, told by what it is and not by its `kid`: the same key material has the same id in every key set, other
/// material another one (the first eight bytes of the RFC 7638 thumbprint, a hash of a secret or of a record).
using KeyId = std::uint64_t;

class IssuerSet;

class LiveKeys {
 public:
  /// What every issuer of the set has now: when the core gets a new one. Leaves the API keys as they are.
  void set_all(const IssuerSet& issuers);
  /// The issuer's keys are these, and no others. Changes the epoch only when they differ.
  void set(IssuerIndex issuer, std::span<const KeyId> keys);
  /// No issuer has any key: before a new generation's are told.
  void clear() noexcept;

  /// Goes up with every change; never 0. Of all issuers together: changes are rare, and one number is cheap to compare.
  std::uint64_t epoch() const noexcept { return epoch_; }
  bool contains(IssuerIndex issuer, KeyId key) const noexcept;

 private:
  struct Keys {
    IssuerIndex issuer;
    std::vector<KeyId> ids;  // sorted
  };

  std::vector<Keys> issuers_;  // sorted by issuer
  std::uint64_t epoch_ = 1;
};

}  // namespace postern::identity
