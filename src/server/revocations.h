// PUT /revocations on the admin endpoint: takes trust back from tokens, subjects, sessions, clients or a whole issuer,
// on every core within a moment. Control thread. With a file it outlives the process, and what other processes revoke
// counts here too; without one it is known to this process only, until it ends.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "admin/server.h"
#include "identity/revocation_bus.h"
#include "identity/revocation_file.h"

namespace postern::server {

class Revocations {
 public:
  using Post = std::function<void(const identity::RevocationBatch&)>;
  using IsIssuer = std::function<bool(std::string_view)>;

  /// `post` brings a batch to every core; `is_issuer`: somebody of that name signs tokens, keys or certificates here.
  Revocations(Post post, IsIssuer is_issuer) : post_(std::move(post)), is_issuer_(std::move(is_issuer)) {}

  void serve(admin::Server& admin);
  /// The file that is followed from now on; empty: none. What stands in it counts when this returns. Returns what is
  /// wrong with it, and then goes on as before; empty: nothing.
  std::string configure(const std::string& path, std::int64_t now);
  /// Looks whether somebody else has revoked something. Every second or so.
  void follow(std::int64_t now);
  /// ?issuer=NAME&kind=subject|session|token|client|all&value=TEXT[&for=SECONDS]
  admin::Reply put(std::string_view query, std::int64_t now);

 private:
  const Post post_;
  const IsIssuer is_issuer_;
  identity::RevocationBus bus_;
  std::optional<identity::RevocationFile> file_;
  std::string complaint_;  // what is wrong with the file, as it was logged

  void post();
};

}  // namespace postern::server
