#include "cli/token_command.h"

#include <chrono>
#include <ctime>

#include "crypto/pem_file.h"
#include "identity/key_file.h"
#include "identity/token_verifier.h"

namespace postern::cli {
namespace {

using identity::KeySet;
using identity::TokenVerdict;

// What a listener can take at most; a config may say less.
constexpr std::uint64_t kMostToken = 64 * 1024;

/// As it may be shown on a terminal.
std::string shown(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 200)) out += c >= ' ' && c < '\x7f' && c != '"' && c != '\\' ? c : '?';
  return out += text.size() > 200 ? "...\"" : "\"";
}

/// Empty where the file cannot be read; an unusable one has no keys and an error.
std::optional<KeySet::Made> load_keys(const TokenVerifyRequest& request, std::ostream& err) {
  const std::string& path = !request.jwks.empty() ? request.jwks : !request.pem.empty() ? request.pem : request.secret;
  const crypto::Loaded<crypto::SecretText> text = crypto::read_secret_file("key file", path);
  if (!text) {
    err << "token verify: " << text.error << "\n";
    return std::nullopt;
  }
  const std::string_view content = text.value->reveal();
  KeySet::Made made = !request.jwks.empty()  ? KeySet::from_jwks(content)
                      : !request.pem.empty() ? KeySet::from_pem(content)
                                             : KeySet::from_secret(identity::secret_in(content));
  if (!made.keys) err << "token verify: " << path << ": " << made.error << "\n";
  for (const std::string& skipped : made.skipped) err << "token verify: " << path << ": " << skipped << "\n";
  return made;
}

identity::TrustedIssuer make_issuer(const TokenVerifyRequest& request, std::shared_ptr<const KeySet> keys) {
  config::Issuer issuer;
  issuer.name = "token verify";
  issuer.url = request.issuer;
  issuer.leeway = std::chrono::seconds(30);
  if (!request.audience.empty()) issuer.audiences.push_back(request.audience);
  issuer.secret_file = request.secret;
  for (const std::string_view name : crypto::kSignatureAlgorithmNames) issuer.algorithms.emplace_back(name);
  identity::TrustedIssuer trusted = identity::IssuerSet::make({issuer}, {}, kMostToken)->issuers().front();
  trusted.keys = std::move(keys);
  return trusted;
}

void tell(const TokenVerdict& verdict, std::ostream& out) {
  if (!verdict.is_good()) {
    const identity::FaultText& fault = identity::describe(verdict.fault);
    out << "bad: " << fault.name << ": " << fault.text;
    if (!verdict.kid.empty()) out << " (kid " << shown(verdict.kid) << ")";
    out << "\n";
    return;
  }
  const Principal& principal = verdict.principal;
  if (principal.credential == CredentialKind::none) {
    out << "good: the signature; what is signed is not a set of claims\n";
    return;
  }
  out << "good: subject " << shown(principal.subject) << ", issuer " << shown(principal.issuer) << ", until "
      << principal.expires_at << "\n";
}

}  // namespace

int token_verify_command(const TokenVerifyRequest& request, std::istream& in, std::ostream& out, std::ostream& err) {
  const std::optional<KeySet::Made> made = load_keys(request, err);
  if (!made) return 2;
  const identity::TrustedIssuer issuer = make_issuer(request, made->keys);
  const bool any_issuer = request.issuer.empty(), any_audience = request.audience.empty();
  const identity::Leniency leniency{any_issuer, any_audience, any_issuer && any_audience};
  const std::int64_t now = request.now.value_or(std::time(nullptr));
  std::size_t seen = 0, good = 0;
  const auto check = [&](std::string_view token) {
    const TokenVerdict verdict = inspect_token(issuer, kMostToken, leniency, token, now);
    ++seen;
    good += verdict.is_good() ? 1 : 0;
    tell(verdict, out);
  };
  for (const std::string& token : request.tokens) {
    if (token != "-") {
      check(token);
      continue;
    }
    for (std::string line; std::getline(in, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      check(line);
    }
  }
  return seen != 0 && good == seen ? 0 : 1;
}

}  // namespace postern::cli
