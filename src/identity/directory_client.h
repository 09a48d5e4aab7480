// Asks a tenant's directory (Microsoft Graph) for the groups of one of its users, as an application: with a token of
// its own, got from the tenant for our id and secret. Where to ask says the config and nothing else, least of all the
// caller's token. Over TLS that is verified, without redirects, bounded in pages, bytes and time. The Directory's, on
// its thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "config/settings_identity.h"
#include "crypto/library.h"
#include "identity/graph_answer.h"
#include "net/http_client.h"
#include "net/loop.h"

namespace postern::net {
class TlsClientContext;
class TlsMaterial;
}  // namespace postern::net

namespace postern::identity {

class DirectoryClient {
 public:
  static constexpr std::int64_t kTimeoutMs = 3'000;   // of one answer
  static constexpr std::int64_t kPatienceMs = 8'000;  // for all of them

  struct Found {
    std::vector<std::string> groups;
    std::string error;  // empty: these are all
  };

  /// `library` belongs to the thread, and outlives this.
  DirectoryClient(net::Loop& loop, const config::Issuer& issuer, crypto::SecretText secret,
                  std::shared_ptr<const net::TlsMaterial> material, const crypto::Library& library);

  /// `path`: of directory_path_of(). By value: kept while it waits.
  Task<Found> find(std::string path);
  void cancel() noexcept;

  [[nodiscard]] bool is_for(const config::Issuer& issuer, std::string_view secret) const noexcept;
  [[nodiscard]] const config::Issuer& issuer() const noexcept { return issuer_; }

  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  struct Document {
    unsigned status = 0;
    std::string body;
    std::string error;
  };
  struct OurToken {
    std::string authorization;
    std::int64_t good_until_ms = 0;
  };

  Task<Document> fetch(const std::string& url, net::HttpRequest request);
  Task<std::string> renew(const std::string& tenant);

  net::Loop& loop_;
  const config::Issuer issuer_;
  const crypto::SecretText secret_;
  std::shared_ptr<net::TlsClientContext> tls_;
  std::string tls_error_;
  std::map<std::string, OurToken> tokens_;  // by tenant
  std::vector<net::HttpClient*> busy_;
  bool cancelled_ = false;
};

}  // namespace postern::identity
