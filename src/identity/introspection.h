// What an issuer says of a token that only it can read (RFC 7662): the question's words, and the strict reader of the
// answer, which makes of it what a verified JWT would have been. Pure functions; any thread. Who asks, and how often,
// is the Introspector's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/loaded.h"
#include "crypto/secret_text.h"

namespace postern::config {
struct Issuer;
}

namespace postern::identity {

class IssuerSet;
struct TokenVerdict;

inline constexpr std::size_t kMostIntrospectionBytes = 64 * 1024;

struct IntrospectionAnswer {
  enum class Kind : std::uint8_t {
    unreachable,  // nobody has answered
    failed,       // somebody has, but not what an answer has to be
    inactive,
    active
  };
  Kind kind = Kind::unreachable;
  std::int64_t asked_at = 0;  // seconds since 1970: what is believed is believed from then on
  std::string url;            // who has said so
  std::string body;           // active: all of it
};

/// Whether nobody but its issuer can read it. A JWT is no such token, whether it is a good one or not, and what is
/// meant to be one of our API keys is shown to nobody.
bool is_opaque(std::string_view token) noexcept;

/// As application/x-www-form-urlencoded has it.
void append_form_text(std::string_view text, std::string& out);
crypto::SecretText introspection_question(std::string_view token);
/// Basic, both parts encoded as forms have it (RFC 6749 2.3.1).
crypto::SecretText client_authorization(std::string_view client_id, std::string_view secret);
/// What the file holds without the end of its line; never empty.
crypto::Loaded<crypto::SecretText> load_client_secret(const std::string& path);

/// active, inactive, or failed. The rest of the answer is looked at later, by those who wait for it.
IntrospectionAnswer::Kind read_activity(std::string_view body);

/// An answer that says "active", by the rules of that issuer. Beyond what JWTs are asked: what it says of the kind of
/// token must not be that of another one, and an answer that says neither for whom nor what kind is refused.
TokenVerdict read_introspection(const IssuerSet& issuers, std::size_t issuer, const IntrospectionAnswer& answer,
                                std::int64_t now_s);

}  // namespace postern::identity
