// Who is asking, for `postern explain`: from a token or API key, checked as a request's would be, or from a file of
// claims, which are taken as if they had been. Asks nobody over the network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/settings.h"
#include "postern/principal.h"

namespace postern::cli {

struct ShownCaller {
  std::optional<Principal> who;  // none: nobody, or what was shown is no good
  std::string story;             // how that is known
  std::string fault;             // why it is no good; empty: nothing is wrong
  bool unavailable = false;      // cannot be told without asking somebody: 503 and not 401
  std::string error;             // a file cannot be read: nothing can be said at all
};

/// `jwks`: a file with the keys of the token's issuer, where the config has none; may be empty.
ShownCaller caller_by_token(const config::Settings& settings, const std::string& token, const std::string& jwks,
                            std::int64_t now);
/// `path`: a token's claims as JSON, unsigned.
ShownCaller caller_by_claims(const config::Settings& settings, const std::string& path, std::int64_t now);

}  // namespace postern::cli
