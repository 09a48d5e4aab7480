#include "identity/key_file.h"

#include "crypto/pem_file.h"

namespace postern::identity {
const std::string& key_file_of(const config::Issuer& issuer) noexcept {
  if (!issuer.jwks_file.empty()) return issuer.jwks_file;
  return !issuer.pem_file.empty() ? issuer.pem_file : issuer.secret_file;
}

std::string_view secret_in(std::string_view text) noexcept {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

KeySet::Made load_key_file(const config::Issuer& issuer) {
  const std::string& path = key_file_of(issuer);
  KeySet::Made made;
  const crypto::Loaded<crypto::SecretText> text = crypto::read_secret_file("keys", path);
  if (!text) {
    made.error = text.error;
    return made;
  }
  const std::string_view content = text.value->reveal();
  if (!issuer.jwks_file.empty()) {
    made = KeySet::from_jwks(content);
  } else {
    made = !issuer.pem_file.empty() ? KeySet::from_pem(content) : KeySet::from_secret(secret_in(content));
  }
  if (made.keys && made.keys->keys().empty()) {
    made.error = "no usable key";
    if (!made.skipped.empty()) made.error += ": " + made.skipped.front();
    made.keys = nullptr;
  }
  if (!made.error.empty()) made.error = path + ": " + made.error;
  return made;
}

}  // namespace postern::identity
