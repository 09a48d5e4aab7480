// Asks one issuer about tokens: over TLS that is verified, without following redirects, at public addresses only
// (unless allowed), bounded in size and time. Connections are kept for further questions. The Introspector's, on its
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/task.h"
#include "config/settings_identity.h"
#include "crypto/library.h"
#include "identity/introspection.h"
#include "net/http_client.h"
#include "net/loop.h"

namespace postern::net {
class TlsClientContext;
class TlsMaterial;
}  // namespace postern::net

namespace postern::identity {

class IntrospectionClient {
 public:
  static constexpr std::int64_t kTimeoutMs = 1'800;  // requests wait for two seconds
  static constexpr std::size_t kMostKept = 4;

  struct Asked {
    IntrospectionAnswer answer;
    std::string error;  // why it is none
  };

  /// `library` belongs to the thread, and outlives this.
  IntrospectionClient(net::Loop& loop, const config::Issuer& issuer, crypto::SecretText secret,
                      std::shared_ptr<const net::TlsMaterial> material, const crypto::Library& library);
  ~IntrospectionClient();

  Task<Asked> ask(std::string_view token);
  /// Ends questions that wait; later ones fail at once.
  void cancel() noexcept;

  /// Whether that issuer would be asked the same in the same way. `secret`: empty when it cannot be read just now.
  [[nodiscard]] bool is_for(const config::Issuer& issuer, std::string_view secret) const noexcept;
  [[nodiscard]] const config::Issuer& issuer() const noexcept { return issuer_; }

  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  using Connection = std::unique_ptr<net::HttpClient>;

  Connection take();
  void give_back(Connection connection);
  [[nodiscard]] std::string failure_of(const net::HttpClient& client, const Error& error) const;

  net::Loop& loop_;
  const config::Issuer issuer_;
  const crypto::SecretText secret_;
  const crypto::SecretText authorization_;
  std::shared_ptr<net::TlsClientContext> tls_;
  std::string error_;  // why it cannot be asked at all
  net::HttpClient::Options options_;
  std::vector<Connection> kept_;
  std::vector<net::HttpClient*> busy_;
  bool cancelled_ = false;
};

}  // namespace postern::identity
