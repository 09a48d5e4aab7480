// Which certificates answer to which server name. Built once per context, read by handshakes and by the 421 check on
// the same core; lookups allocate nothing. Knows no OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crypto/certificate.h"

namespace postern::net {

/// At most one certificate of each key type, by its place in the material; they share one SSL_CTX and OpenSSL picks by
/// what the client can verify.
struct CertificateSet {
  static constexpr std::uint32_t kNone = 0xffffffff;
  std::array<std::uint32_t, 4> by_type{kNone, kNone, kNone, kNone};

  friend bool operator==(const CertificateSet&, const CertificateSet&) = default;
};

class TlsNames {
 public:
  explicit TlsNames(const std::vector<crypto::Certificate>& certificates);

  const std::vector<CertificateSet>& sets() const noexcept { return sets_; }
  /// Exact name, then the wildcard of one label, then set 0 (that of the first certificate). Any case; a host may carry
  /// a port.
  std::size_t find(std::string_view host) const noexcept;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };

  std::size_t set_index(const CertificateSet& set);

  std::vector<CertificateSet> sets_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> by_name_;
};

}  // namespace postern::net
