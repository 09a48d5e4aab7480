// `postern explain METHOD URL`: what would become of a request, step by step, and why. Never prints a token.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace postern::cli {

struct ExplainRequest {
  std::string config;
  std::string method;
  std::string url;     // "https://host/path?query", or "/path"
  std::string token;   // "-": the first line of `in`; empty: none
  std::string claims;  // a file; empty: none
  std::string jwks;    // a file with keys for the token, instead of the network; empty: none
  std::string client = "127.0.0.1";
  std::string listener;              // empty: the first that the URL fits
  std::vector<std::string> headers;  // "name: value"
  std::optional<std::int64_t> now;
};

/// 0: the request would be served; 1: it would not; 2: the config or the question is bad.
int explain_command(const ExplainRequest& request, std::istream& in, std::ostream& out, std::ostream& err);

}  // namespace postern::cli
