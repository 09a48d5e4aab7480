// PUT /revocations on the admin endpoint: takes trust back from tokens, subjects, sessions, clients or a whole issuer,
// on every core within a moment. Control thread. What is revoked is known to this process only, until it ends.
#pragma once

#include <functional>
#include <string_view>

#include "admin/server.h"
#include "identity/revocation_bus.h"

namespace postern::server {

class Revocations {
 public:
  using Post = std::function<void(const identity::RevocationBatch&)>;
  using IsIssuer = std::function<bool(std::string_view)>;

  /// `post` brings a batch to every core; `is_issuer`: somebody of that name signs tokens, keys or certificates here.
  Revocations(Post post, IsIssuer is_issuer) : post_(std::move(post)), is_issuer_(std::move(is_issuer)) {}

  void serve(admin::Server& admin);
  /// ?issuer=NAME&kind=subject|session|token|client|all&value=TEXT[&for=SECONDS]
  admin::Reply put(std::string_view query, std::int64_t now);

 private:
  const Post post_;
  const IsIssuer is_issuer_;
  identity::RevocationBus bus_;
};

}  // namespace postern::server
