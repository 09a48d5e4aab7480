// `postern token verify`: what postern thinks of a token, without a running postern and without a config. The verifier
// is the one that requests meet.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace postern::cli {

struct TokenVerifyRequest {
  // One of these is a file's name.
  std::string jwks;
  std::string pem;
  std::string secret;
  std::string issuer;    // empty: any
  std::string audience;  // empty: any, or none
  std::optional<std::int64_t> now;
  std::vector<std::string> tokens;  // "-": one per line of `in`
};

/// A line per token. 0: all are good; 1: one is not, or there is none; 2: the keys cannot be read.
int token_verify_command(const TokenVerifyRequest& request, std::istream& in, std::ostream& out, std::ostream& err);

}  // namespace postern::cli
