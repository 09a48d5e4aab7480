#include "identity/compact_token.h"

#include <array>

#include "base/base64url.h"
#include "identity/key_set.h"
#include "identity/strict_json.h"

namespace postern::identity {
namespace {

constexpr std::size_t kJweParts = 5;
constexpr JsonLimits kLimits{.depth = 6, .values = 64};

}  // namespace

CompactToken split_token(std::string_view compact, std::size_t most_bytes) noexcept {
  CompactToken token;
  if (compact.size() > most_bytes) {
    token.fault = TokenFault::too_large;
    return token;
  }
  std::array<std::size_t, kJweParts - 1> dots{};
  std::size_t count = 0;
  for (std::size_t at = compact.find('.'); at != std::string_view::npos; at = compact.find('.', at + 1)) {
    if (count == dots.size()) {  // a fifth: not to be counted to the end
      token.fault = TokenFault::not_compact;
      return token;
    }
    dots[count++] = at;
  }
  if (count != 2) {
    token.fault = count == kJweParts - 1 ? TokenFault::encrypted : TokenFault::not_compact;
    return token;
  }
  token.header = compact.substr(0, dots[0]);
  token.payload = compact.substr(dots[0] + 1, dots[1] - dots[0] - 1);
  token.signature = compact.substr(dots[1] + 1);
  token.signed_part = compact.substr(0, dots[1]);
  if (token.header.empty()) token.fault = TokenFault::not_compact;
  return token;
}

std::string comparable_type(std::string_view type) {
  std::string lower(type);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  constexpr std::string_view kApplication = "application/";
  if (lower.starts_with(kApplication)) lower.erase(0, kApplication.size());
  return lower;
}

TokenHeader read_header(std::string_view encoded) {
  TokenHeader header;
  const auto refused = [&header](TokenFault fault) {
    header.fault = fault;
    return header;
  };
  const std::size_t size = base64url_decoded_size(encoded.size());
  if (size > kMostHeaderBytes) return refused(TokenFault::bad_header);
  StrictJson json;
  if (!decode_base64url(encoded, json.reserve(size))) return refused(TokenFault::bad_encoding);
  if (!json.parse_object(kLimits).empty()) return refused(TokenFault::bad_header);
  StrictJson::Element element;
  const auto has = [&](std::string_view name) { return json.root().at_key(name).get(element) == simdjson::SUCCESS; };
  if (has("crit")) return refused(TokenFault::critical_header);
  if (has("b64")) return refused(TokenFault::unencoded_payload);
  std::string_view text;
  if (find_text(json.root(), "alg", text) != Member::good) return refused(TokenFault::no_algorithm);
  const auto algorithm = crypto::find_signature_algorithm(text);
  if (!algorithm) return refused(TokenFault::algorithm_refused);
  header.algorithm = *algorithm;
  const Member kid = find_text(json.root(), "kid", text);
  if (kid == Member::wrong || (kid == Member::good && text.size() > kMostKidBytes)) return refused(TokenFault::bad_kid);
  if (kid == Member::good) header.kid = std::string(text);
  const Member type = find_text(json.root(), "typ", text);
  if (type == Member::wrong) return refused(TokenFault::bad_header);
  if (type == Member::good) header.type = comparable_type(text);
  return header;
}

}  // namespace postern::identity
