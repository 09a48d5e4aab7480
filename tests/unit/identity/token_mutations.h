// Makes bad tokens out of good ones, knowing what a token looks like: parts are swapped, headers rewritten, claims
// changed under the old signature, encodings bent. Deterministic: the seed says which.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace postern::test {

class TokenMutations {
 public:
  /// `secrets`: what somebody might try to use as one.
  TokenMutations(std::vector<std::string> tokens, std::vector<std::string> secrets, std::uint64_t seed)
      : tokens_(std::move(tokens)), secrets_(std::move(secrets)), random_(seed) {}

  std::string next();

 private:
  struct Parts {
    std::string header, payload, signature;  // encoded
    [[nodiscard]] std::string joined() const { return header + '.' + payload + '.' + signature; }
  };

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_.next() % bound); }
  const std::string& any(const std::vector<std::string>& of) { return of[below(of.size())]; }
  Parts any_parts();
  void bend_text(std::string& text);
  void bend_encoded_json(std::string& encoded);
  void bend_signature(std::string& encoded);
  void sign_with_secret(Parts& parts);

  std::vector<std::string> tokens_;
  std::vector<std::string> secrets_;
  Random random_;
};

}  // namespace postern::test
