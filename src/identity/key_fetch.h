// Fetches the keys of one issuer: where they are by discovery, unless the config says, then the keys. Over TLS, without
// following redirects, from public addresses only (each unless allowed), bounded in size and time. The keeper's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "config/settings_identity.h"
#include "crypto/library.h"
#include "identity/key_set.h"
#include "net/http_client.h"
#include "net/loop.h"

namespace postern::net {
class TlsClientContext;
class TlsMaterial;
}  // namespace postern::net

namespace postern::identity {

struct FetchedKeys {
  std::shared_ptr<const KeySet> keys;  // null: see error
  std::string error;
  std::optional<std::int64_t> max_age_s;
  std::vector<std::string> skipped;
};

class KeyFetch {
 public:
  static constexpr std::int64_t kTimeoutMs = 5'000;

  /// `library` belongs to the thread, and outlives this.
  KeyFetch(net::Loop& loop, const config::Issuer& issuer, std::shared_ptr<const net::TlsMaterial> material,
           const crypto::Library& library);

  /// `in_haste`: a request waits for it; where the keys are is asked only when that is not known.
  Task<FetchedKeys> fetch(bool in_haste);
  /// Ends a fetch() that waits; later ones fail at once.
  void cancel() noexcept;

  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  struct Document {
    std::string error;
    net::HttpResponse response;
  };

  Task<Document> get(const std::string& url);
  [[nodiscard]] std::string failure_of(const Error& error) const;

  net::Loop& loop_;
  const std::string issuer_;
  const bool allow_private_;
  const bool allow_http_;
  const bool discovers_;
  std::string jwks_url_;
  std::shared_ptr<net::TlsClientContext> tls_;
  std::string tls_error_;
  std::unique_ptr<net::HttpClient> client_;  // while one works
  bool cancelled_ = false;
};

}  // namespace postern::identity
