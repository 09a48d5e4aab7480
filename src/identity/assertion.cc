#include "identity/assertion.h"

#include <algorithm>
#include <optional>

#include "base/base64url.h"
#include "base/escape.h"
#include "base/hash.h"

namespace postern::identity {

namespace {

using crypto::Ed25519Key;

void member(std::string& json, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  json.append(json.size() > 1 ? ",\"" : "\"").append(name).append("\":");
  append_json_quoted(json, value);
}

void member(std::string& json, std::string_view name, std::int64_t value) {
  json.append(json.size() > 1 ? ",\"" : "\"").append(name).append("\":").append(std::to_string(value));
}

void member(std::string& json, std::string_view name, const std::vector<std::string>& values) {
  if (values.empty()) return;
  json.append(",\"").append(name).append("\":[");
  for (const std::string& value : values) {
    if (json.back() != '[') json += ',';
    append_json_quoted(json, value);
  }
  json += ']';
}

std::string claims_of(const Principal& who, const AssertionKey& key, std::string_view upstream, std::int64_t now_s) {
  std::string json = "{";
  member(json, "iss", key.issuer);
  member(json, "sub", who.subject);
  member(json, "aud", upstream);
  member(json, "iat", now_s);
  // Never longer than what it rests on.
  const std::int64_t end = now_s + key.lifetime_s;
  member(json, "exp", who.expires_at == 0 ? end : std::min(end, who.expires_at));
  member(json, "idp", who.issuer);
  member(json, "client_id", who.client_id);
  if (who.email_verified) member(json, "email", who.email);
  member(json, "name", who.name);
  member(json, "groups", who.groups);
  member(json, "roles", who.roles);
  member(json, "acr", who.acr);
  return json + "}";
}

}  // namespace

crypto::Loaded<std::shared_ptr<const AssertionKey>> AssertionKey::load(const config::Assertion& settings) {
  using Loaded = crypto::Loaded<std::shared_ptr<const AssertionKey>>;
  std::optional<Ed25519Key> key;
  if (settings.key_file.empty()) {
    key.emplace(Ed25519Key::make());
  } else {
    crypto::Loaded<Ed25519Key> loaded = Ed25519Key::load(settings.key_file);
    if (!loaded) return Loaded::failed(loaded.error);
    key = std::move(loaded.value);
  }
  auto made = std::make_shared<AssertionKey>();
  made->pem = crypto::SecretText(key->private_pem());
  made->kid = key->id();
  made->issuer = settings.issuer;
  made->lifetime_s = settings.lifetime.count() / 1000;
  made->jwks = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"sig\",\"alg\":\"EdDSA\",\"kid\":\"" +
               made->kid + "\",\"x\":\"" + encode_base64url(key->public_bytes()) + "\"}]}\n";
  return Loaded::ok(std::move(made));
}

void AssertionSigner::install(std::shared_ptr<const AssertionKey> key) {
  if (key == key_) return;
  key_ = std::move(key);
  signer_.reset();
  ++generation_;  // what was signed before is not used again
  if (!key_) return;
  crypto::Loaded<Ed25519Key> parsed = Ed25519Key::parse(key_->pem.reveal());
  if (parsed) signer_ = std::make_unique<const Ed25519Key>(std::move(*parsed.value));
}

std::shared_ptr<const std::string> AssertionSigner::assert_for(const PrincipalPin& who, std::string_view upstream,
                                                               std::int64_t now_s) {
  if (!signer_) return nullptr;
  std::vector<PrincipalPin::Note>& notes = who.notes();
  const std::uint64_t name = hash_text(upstream, generation_);
  const auto found = std::find_if(notes.begin(), notes.end(), [&](const auto& note) { return note.key == name; });
  if (found != notes.end() && now_s < found->good_until) return found->text;
  std::string text = encode_base64url(R"({"alg":"EdDSA","typ":"JWT","kid":")" + key_->kid + "\"}") + "." +
                     encode_base64url(claims_of(*who, *key_, upstream, now_s));
  crypto::Ed25519Signature signature;
  if (!signer_->sign(text, signature)) return nullptr;
  text += '.';
  text += encode_base64url({reinterpret_cast<const char*>(signature.data()), signature.size()});
  std::erase_if(notes, [&](const auto& note) { return note.key == name || note.good_until <= now_s; });
  std::int64_t good_until = now_s + key_->lifetime_s / 2;
  if (who->expires_at != 0) good_until = std::min(good_until, who->expires_at);
  notes.push_back({name, good_until, std::make_shared<const std::string>(std::move(text))});
  return notes.back().text;
}

}  // namespace postern::identity
