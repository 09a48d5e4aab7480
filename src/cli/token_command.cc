#include "cli/token_command.h"

#include <algorithm>
#include <chrono>
#include <ctime>

#include "crypto/pem_file.h"
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

bool has_secrets(const KeySet& keys) {
  return std::any_of(keys.keys().begin(), keys.keys().end(),
                     [](const KeySet::Key& key) { return key.key.family() == crypto::KeyFamily::secret; });
}

identity::TrustedIssuer make_issuer(const TokenVerifyRequest& request, std::shared_ptr<const KeySet> keys) {
  config::Issuer issuer;
  issuer.name = "token verify";
  issuer.url = request.issuer;
  issuer.leeway = std::chrono::seconds(30);
  if (!request.audience.empty()) issuer.audiences.push_back(request.audience);
  if (keys && has_secrets(*keys)) {
    issuer.secret_file = request.jwks;
  } else {
    for (const std::string_view name : crypto::kSignatureAlgorithmNames) issuer.algorithms.emplace_back(name);
  }
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
  const crypto::Loaded<std::string> text = crypto::read_small_file("key set", request.jwks);
  if (!text) {
    err << "token verify: " << text.error << "\n";
    return 2;
  }
  const KeySet::Made made = KeySet::from_jwks(*text.value, KeySet::Secrets::alone);
  if (!made.keys) err << "token verify: " << request.jwks << ": " << made.error << "\n";
  for (const std::string& skipped : made.skipped) err << "token verify: " << request.jwks << ": " << skipped << "\n";

  const identity::TrustedIssuer issuer = make_issuer(request, made.keys);
  const bool any_issuer = request.issuer.empty(), any_audience = request.audience.empty();
  const identity::Leniency leniency{any_issuer, any_audience, any_issuer && any_audience};
  const std::int64_t now = request.now.value_or(std::time(nullptr));
  bool all_good = true;
  const auto check = [&](std::string_view token) {
    const TokenVerdict verdict = inspect_token(issuer, kMostToken, leniency, token, now);
    all_good = all_good && verdict.is_good();
    tell(verdict, out);
  };
  for (const std::string& token : request.tokens) {
    if (token != "-") {
      check(token);
      continue;
    }
    for (std::string line; std::getline(in, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (!line.empty()) check(line);
    }
  }
  return all_good ? 0 : 1;
}

}  // namespace postern::cli
