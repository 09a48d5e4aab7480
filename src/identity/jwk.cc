#include "identity/jwk.h"

#include "base/base64url.h"
#include "identity/key_set.h"

namespace postern::identity {
namespace {

namespace dom = simdjson::dom;
using Object = StrictJson::Object;
using Made = crypto::Loaded<crypto::VerifyKey>;

/// A member that has to be base64url; nothing when it is not, or not there.
std::optional<std::string> bytes_of(const Object& members, std::string_view name) {
  std::string_view text;
  if (find_text(members, name, text) != Member::good || text.empty()) return std::nullopt;
  return decode_base64url(text);
}

Made make_rsa(const Object& members) {
  const auto n = bytes_of(members, "n"), e = bytes_of(members, "e");
  if (!n || !e) return Made::failed("an RSA key without n or e");
  return crypto::VerifyKey::from_rsa(*n, *e);
}

Made make_point(const Object& members) {
  std::string_view curve;
  if (find_text(members, "crv", curve) != Member::good) return Made::failed("an elliptic curve key without crv");
  crypto::KeyFamily family = crypto::KeyFamily::p256;
  if (curve == "P-384")
    family = crypto::KeyFamily::p384;
  else if (curve == "P-521")
    family = crypto::KeyFamily::p521;
  else if (curve != "P-256")
    return Made::failed("a key on a curve that is not supported");
  const auto x = bytes_of(members, "x"), y = bytes_of(members, "y");
  if (!x || !y) return Made::failed("an elliptic curve key without x or y");
  return crypto::VerifyKey::from_point(family, *x, *y);
}

Made make_octets(const Object& members) {
  std::string_view curve;
  if (find_text(members, "crv", curve) != Member::good || curve != "Ed25519") {
    return Made::failed("a key on a curve that is not supported");
  }
  const auto x = bytes_of(members, "x");
  if (!x) return Made::failed("an Ed25519 key without x");
  return crypto::VerifyKey::from_ed25519(*x);
}

Made make_key(const Object& members) {
  std::string_view type;
  if (find_text(members, "kty", type) != Member::good) return Made::failed("no kty");
  if (type == "RSA") return make_rsa(members);
  if (type == "EC") return make_point(members);
  if (type == "OKP") return make_octets(members);
  if (type == "oct") return Made::failed("a secret, which has no place among public keys");
  return Made::failed("a key of a kind that is not supported");
}

/// What `use` and `key_ops` say against it; empty: nothing.
std::string_view other_purpose(const Object& members) {
  std::string_view use;
  const Member has_use = find_text(members, "use", use);
  if (has_use == Member::wrong || (has_use == Member::good && use != "sig")) return "not for signatures (use)";
  dom::element operations;
  if (members.at_key("key_ops").get(operations) != simdjson::SUCCESS) return {};
  dom::array list;
  if (operations.get(list) != simdjson::SUCCESS) return "key_ops is not a list";
  for (const dom::element& operation : list) {
    std::string_view name;
    if (operation.get(name) == simdjson::SUCCESS && name == "verify") return {};
  }
  return "not for signatures (key_ops)";
}

}  // namespace

Jwk parse_jwk(const Object& members) {
  Jwk out;
  std::string_view text;
  const Member has_kid = find_text(members, "kid", text);
  if (has_kid == Member::good) out.kid = std::string(text.substr(0, kMostKidBytes));
  if (has_kid == Member::wrong || (has_kid == Member::good && text.size() > kMostKidBytes)) {
    out.error = "kid is not a text of at most 256 bytes";
    return out;
  }
  out.error = other_purpose(members);
  if (!out.error.empty()) return out;
  const Member has_algorithm = find_text(members, "alg", text);
  if (has_algorithm == Member::good) out.only = crypto::find_signature_algorithm(text);
  if (has_algorithm != Member::absent && !out.only) {
    out.error = "for an algorithm that is not supported";
    return out;
  }
  Made made = make_key(members);
  if (made && out.only && !made.value->fits(*out.only)) made = Made::failed("alg does not go with the key");
  if (made) out.key = std::move(*made.value);
  out.error = std::move(made.error);
  return out;
}

}  // namespace postern::identity
