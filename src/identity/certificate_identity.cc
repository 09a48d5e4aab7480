#include "identity/certificate_identity.h"

#include <algorithm>

namespace postern::identity {
namespace {

constexpr std::string_view kSpiffe = "spiffe://";
constexpr std::size_t kMostSpiffe = 2048;  // the SPIFFE standard's limit

// What is no part of any URI, address or host name. A NUL is how a name is made to look like another one.
bool is_clean(const std::string& name) noexcept {
  return !name.empty() &&
         std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

bool is_spiffe(std::string_view uri) noexcept {
  return uri.size() >= kSpiffe.size() && std::ranges::equal(uri.substr(0, kSpiffe.size()), kSpiffe, [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
         });
}

constexpr bool is_one_of(char c, bool upper) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
         (upper && c >= 'A' && c <= 'Z');
}

// spiffe://trust-domain/path: small letters in the domain, no empty, "." or ".." segment, no query, no fragment, no
// port, no percent. The scheme in any case is a SPIFFE id to count, but only the small one is a good one.
bool is_good_spiffe(std::string_view uri) noexcept {
  if (uri.size() > kMostSpiffe || !uri.starts_with(kSpiffe)) return false;
  uri.remove_prefix(kSpiffe.size());
  const std::string_view domain = uri.substr(0, uri.find('/'));
  if (domain.empty() || domain.size() > 255) return false;
  if (!std::ranges::all_of(domain, [](char c) { return is_one_of(c, false); })) return false;
  uri.remove_prefix(domain.size());
  while (!uri.empty()) {
    uri.remove_prefix(1);  // the slash
    const std::string_view segment = uri.substr(0, uri.find('/'));
    if (segment.empty() || segment == "." || segment == "..") return false;
    if (!std::ranges::all_of(segment, [](char c) { return is_one_of(c, true); })) return false;
    uri.remove_prefix(segment.size());
  }
  return true;
}

/// The one SPIFFE id; `good` false: there are several, or it is none.
std::string_view find_spiffe(const std::vector<std::string>& uris, bool& good) noexcept {
  std::string_view found;
  for (const std::string& uri : uris) {
    if (!is_spiffe(uri)) continue;
    good = found.empty() && is_good_spiffe(uri);
    if (!good) return {};
    found = uri;
  }
  return found;
}

void add_claims(const char* path, const std::vector<std::string>& names, Principal& who) {
  for (const std::string& name : names) who.claims.push_back({path, name});
}

}  // namespace

std::optional<Principal> principal_of(const crypto::PeerCertificate& certificate, std::string_view authority) {
  if (certificate.names_broken || certificate.thumbprint.empty()) return std::nullopt;
  for (const auto* names : {&certificate.uris, &certificate.emails, &certificate.dns}) {
    if (!std::ranges::all_of(*names, is_clean)) return std::nullopt;
  }
  bool good = true;
  Principal who;
  who.subject = find_spiffe(certificate.uris, good);
  if (!good) return std::nullopt;
  for (const auto* names : {&certificate.uris, &certificate.emails, &certificate.dns}) {
    if (who.subject.empty() && !names->empty()) who.subject = names->front();
  }
  if (who.subject.empty()) return std::nullopt;
  who.issuer = certificate.issuer;
  who.issuer_name = authority;
  if (!certificate.emails.empty()) {
    who.email = certificate.emails.front();
    who.email_verified = true;  // by who signed the certificate
  }
  who.credential = CredentialKind::certificate;
  who.credential_id = certificate.thumbprint;
  who.expires_at = certificate.not_after;
  who.issued_at = certificate.not_before;
  add_claims("san.dns", certificate.dns, who);
  add_claims("san.email", certificate.emails, who);
  add_claims("san.uri", certificate.uris, who);
  who.claims.push_back({"serial", certificate.serial});
  std::ranges::sort(who.claims);
  return who;
}

bool certificate_matches(const Principal& who, const crypto::PeerCertificate* shown) noexcept {
  if (who.bound_certificate.empty()) return true;
  return shown != nullptr && !shown->thumbprint.empty() && shown->thumbprint == who.bound_certificate;
}

}  // namespace postern::identity
