#include "unit/identity/token_mutations.h"

#include <array>

#include "base/base64url.h"
#include "unit/identity/token_support.h"

namespace postern::test {
namespace {

constexpr std::array<std::string_view, 12> kHeaders{
    R"({"alg":"none"})",
    R"({"alg":"None","kid":"k"})",
    R"({"alg":"HS256"})",
    R"({"alg":"HS256","kid":"rsa"})",
    R"({"alg":"RS256"})",
    R"({"alg":"ES256"})",
    R"({"alg":"EdDSA"})",
    R"({"alg":"PS256","kid":"rsa"})",
    R"({"alg":"RS256","kid":"rsa","crit":[]})",
    R"({"alg":"RS256","kid":"rsa","b64":false})",
    R"({"alg":"ES256","kid":"rsa"})",
    R"({"typ":"JWT"})",
};

constexpr std::array<std::string_view, 14> kPieces{"\"",      "{", "}", ",",       ":",    "[",           "]",
                                                   "\\u0000", " ", "1", "\"alg\"", "none", "\"exp\":9e9", "\xff"};

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n";

}  // namespace

TokenMutations::Parts TokenMutations::any_parts() {
  const std::string& token = any(tokens_);
  const std::size_t first = token.find('.'), second = token.find('.', first + 1);
  return {token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1)};
}

void TokenMutations::bend_text(std::string& text) {
  const std::size_t at = below(text.size() + 1);
  const char c = kAlphabet[below(kAlphabet.size())];
  switch (below(6)) {
    case 0:
      text.insert(at, 1, c);
      break;
    case 1:
      if (at < text.size()) text[at] = c;
      break;
    case 2:
      if (at < text.size()) text.erase(at, 1 + below(8));
      break;
    case 3:
      text.resize(at);
      break;
    case 4:
      text.insert(at, text.substr(0, below(text.size() + 1)));
      break;
    default:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
  }
}

void TokenMutations::bend_encoded_json(std::string& encoded) {
  std::string text = decode_base64url(encoded).value_or("{}");
  const std::size_t at = below(text.size() + 1);
  switch (below(5)) {
    case 0:
      text.insert(at, kPieces[below(kPieces.size())]);
      break;
    case 1:
      if (at < text.size()) text.erase(at, 1 + below(12));
      break;
    case 2:
      if (at < text.size()) text[at] = static_cast<char>(random_.next());
      break;
    case 3:  // a member twice, or one more
      if (!text.empty()) text.insert(1, below(2) == 0 ? R"("sub":"root",)" : R"("admin":true,)");
      break;
    default:
      text = kHeaders[below(kHeaders.size())];
  }
  encoded = encode_base64url(text);
}

void TokenMutations::bend_signature(std::string& encoded) {
  std::string bytes = decode_base64url(encoded).value_or("");
  switch (below(6)) {
    case 0:
      bytes.clear();
      break;
    case 1:
      bytes.assign(bytes.size(), '\0');
      break;
    case 2:
      bytes.insert(0, 1, '\0');
      break;
    case 3:
      if (bytes.size() % 2 == 0 && bytes.size() >= 64 && bytes.size() <= 132) bytes = to_der_signature(bytes);
      break;
    case 4:
      bytes.append(1 + below(300), static_cast<char>(random_.next()));
      break;
    default:
      if (!bytes.empty()) bytes[below(bytes.size())] ^= static_cast<char>(1 << below(8));
  }
  encoded = encode_base64url(bytes);
}

void TokenMutations::sign_with_secret(Parts& parts) {
  parts.header = encode_base64url(below(2) == 0 ? R"({"alg":"HS256","kid":"rsa"})" : R"({"alg":"HS256"})");
  parts.signature = encode_base64url(hmac(any(secrets_), parts.header + '.' + parts.payload));
}

std::string TokenMutations::next() {
  Parts parts = any_parts();
  switch (below(9)) {
    case 0:
      parts.header = any_parts().header;
      break;
    case 1:
      parts.payload = any_parts().payload;
      break;
    case 2:
      parts.signature = any_parts().signature;
      break;
    case 3:
      bend_encoded_json(parts.header);
      break;
    case 4:
      bend_encoded_json(parts.payload);
      break;
    case 5:
      bend_signature(parts.signature);
      break;
    case 6:
      sign_with_secret(parts);
      break;
    default: {
      std::string token = parts.joined();
      for (std::size_t times = 1 + below(4); times != 0; --times) bend_text(token);
      return token;
    }
  }
  return parts.joined();
}

}  // namespace postern::test
