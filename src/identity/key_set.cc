#include "identity/key_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "crypto/sha256.h"
#include "identity/jwk.h"
#include "identity/strict_json.h"

namespace postern::identity {
namespace {

namespace dom = simdjson::dom;

// An x5c chain is a list in an object in a list in an object.
constexpr JsonLimits kLimits{.depth = 8, .values = 8192};

/// A key's name as it may go into a log line.
std::string shown(const std::optional<std::string>& kid, std::size_t index) {
  std::string text = fmt::format("key {}", index);
  if (!kid) return text;
  text += " (";
  for (const char c : kid->substr(0, 40)) text += c >= ' ' && c < '\x7f' ? c : '?';
  return text += ')';
}

std::uint64_t id_of(const crypto::VerifyKey& key, const std::optional<crypto::SignatureAlgorithm>& only) {
  std::string what = key.thumbprint();
  if (only) what.append("/").append(to_string(*only));
  crypto::Sha256 hash{};
  (void)crypto::sha256(what, hash);
  std::uint64_t id = 0;
  std::memcpy(&id, hash.data(), sizeof(id));
  return id;
}

KeySet::Made failed(std::string why) { return {.keys = nullptr, .error = std::move(why), .skipped = {}}; }

}  // namespace

void KeySet::add(crypto::VerifyKey key, std::optional<std::string> kid,
                 std::optional<crypto::SignatureAlgorithm> only) {
  const std::uint64_t id = id_of(key, only);
  keys_.push_back({std::move(key), std::move(kid), only, id});
}

void KeySet::refuse_doubles(std::vector<std::string>& skipped) {
  std::vector<std::string_view> names;
  for (const Key& key : keys_) {
    if (key.kid) names.push_back(*key.kid);
  }
  std::sort(names.begin(), names.end());
  for (auto at = std::adjacent_find(names.begin(), names.end()); at != names.end();
       at = std::adjacent_find(at + 1, names.end())) {
    if (doubled_.empty() || doubled_.back() != *at) doubled_.emplace_back(*at);
  }
  if (doubled_.empty()) return;
  std::erase_if(keys_, [this](const Key& key) {
    return key.kid && std::find(doubled_.begin(), doubled_.end(), *key.kid) != doubled_.end();
  });
  for (const std::string& kid : doubled_) skipped.push_back(shown(kid, 0) + ": more than one key of that name");
}

KeySet::Made KeySet::from_jwks(std::string_view json) {
  if (json.size() > kMostJwksBytes) return failed("larger than 512 KiB");
  StrictJson document;
  const std::string_view wrong = document.parse_object(json, kLimits);
  if (!wrong.empty()) return failed(std::string(wrong));
  std::vector<dom::element> entries;
  dom::array list;
  dom::element single;
  if (document.root().at_key("keys").get(list) == simdjson::SUCCESS) {
    for (const dom::element& entry : list) entries.push_back(entry);
  } else if (document.root().at_key("keys").get(single) == simdjson::SUCCESS) {
    return failed("keys is not a list");
  } else if (document.root().at_key("kty").get(single) == simdjson::SUCCESS) {
    entries.emplace_back(document.whole());  // one key, without a set around it
  } else {
    return failed("no keys in it");
  }
  if (entries.size() > kMostKeys) return failed(fmt::format("more than {} keys", kMostKeys));

  const auto set = std::make_shared<KeySet>();
  Made made;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    dom::object members;
    if (entries[i].get(members) != simdjson::SUCCESS) {
      made.skipped.push_back(shown(std::nullopt, i) + ": not an object");
      continue;
    }
    Jwk jwk = parse_jwk(members);
    if (!jwk.key) {
      made.skipped.push_back(shown(jwk.kid, i) + ": " + jwk.error);
      continue;
    }
    set->add(std::move(*jwk.key), std::move(jwk.kid), jwk.only);
  }
  set->refuse_doubles(made.skipped);
  made.keys = set;
  return made;
}

KeySet::Made KeySet::from_pem(std::string_view pem) {
  crypto::Loaded<std::vector<crypto::VerifyKey>> keys = crypto::VerifyKey::from_pem(pem);
  if (!keys) return failed(std::move(keys.error));
  if (keys.value->size() > kMostKeys) return failed(fmt::format("more than {} keys", kMostKeys));
  const auto set = std::make_shared<KeySet>();
  for (crypto::VerifyKey& key : *keys.value) set->add(std::move(key), std::nullopt, std::nullopt);
  return {.keys = set, .error = {}, .skipped = {}};
}

KeySet::Made KeySet::from_secret(std::string_view secret) {
  crypto::Loaded<crypto::VerifyKey> key = crypto::VerifyKey::from_secret(secret);
  if (!key) return failed(std::move(key.error));
  const auto set = std::make_shared<KeySet>();
  set->add(std::move(*key.value), std::nullopt, std::nullopt);
  return {.keys = set, .error = {}, .skipped = {}};
}

const KeySet::Key* KeySet::find_named(std::string_view kid) const noexcept {
  for (const Key& key : keys_) {
    if (key.kid ? *key.kid == kid : key.key.thumbprint() == kid || key.key.info_hash() == kid) return &key;
  }
  return nullptr;
}

KeySet::Found KeySet::find(const std::string_view* kid, crypto::SignatureAlgorithm algorithm) const noexcept {
  if (kid != nullptr) {
    for (const std::string& doubled : doubled_) {
      if (doubled == *kid) return {Lookup::ambiguous, nullptr};
    }
    if (const Key* named = find_named(*kid)) {
      return named->fits(algorithm) ? Found{Lookup::found, named} : Found{Lookup::refused, nullptr};
    }
  }
  // Keys that have a name of their own are not meant by another one.
  const Key* only = nullptr;
  for (const Key& key : keys_) {
    if (!key.fits(algorithm) || (kid != nullptr && key.kid)) continue;
    if (only != nullptr) return {Lookup::ambiguous, nullptr};
    only = &key;
  }
  if (only != nullptr) return {Lookup::found, only};
  return {kid != nullptr || keys_.empty() ? Lookup::unknown : Lookup::refused, nullptr};
}

bool KeySet::has(std::uint64_t id) const noexcept {
  return std::any_of(keys_.begin(), keys_.end(), [id](const Key& key) { return key.id == id; });
}

bool KeySet::knows(std::string_view kid) const noexcept {
  return find_named(kid) != nullptr || std::find(doubled_.begin(), doubled_.end(), kid) != doubled_.end();
}

bool KeySet::is_same(const KeySet& other) const noexcept {
  const auto same = [](const Key& a, const Key& b) { return a.id == b.id && a.kid == b.kid; };
  return doubled_ == other.doubled_ &&
         std::equal(keys_.begin(), keys_.end(), other.keys_.begin(), other.keys_.end(), same);
}

}  // namespace postern::identity
