// `postern apikey`: makes, lists, shows and revokes API keys in their file. A key's text is printed once, when it is
// made, and is nowhere else. Main thread.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace postern::cli {

struct ApiKeyRequest {
  std::string file;
  std::string kid;      // show, revoke
  std::string name;     // create
  std::string subject;  // create
  std::string expires;  // create: "90d"
  std::vector<std::string> scopes;
  std::vector<std::string> groups;
  std::vector<std::string> roles;
};

/// All of them: 0 done, 1 not, and why on `err`. `now`: seconds since 1970.
int apikey_create(const ApiKeyRequest& request, std::int64_t now, std::ostream& out, std::ostream& err);
int apikey_list(const ApiKeyRequest& request, std::int64_t now, std::ostream& out, std::ostream& err);
int apikey_show(const ApiKeyRequest& request, std::int64_t now, std::ostream& out, std::ostream& err);
int apikey_revoke(const ApiKeyRequest& request, std::int64_t now, std::ostream& out, std::ostream& err);

}  // namespace postern::cli
