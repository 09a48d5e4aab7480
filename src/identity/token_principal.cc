// Who is calling, taken from claims whose signature has been checked.
#include <algorithm>

#include "identity/token_claims.h"

namespace postern::identity {
namespace {

namespace dom = simdjson::dom;
using Object = StrictJson::Object;

constexpr std::size_t kThumbprintText = 43;  // SHA-256 in base64url

void make_set(std::vector<std::string>& texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
}

bool is_member(const std::vector<std::string>& sorted, const std::string& value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

std::string text_at(const Object& claims, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    dom::element value;
    std::string text;
    if (find_path(claims, path, value) && append_scalar(value, text) && !text.empty()) return text;
  }
  return {};
}

std::string text_of(const Object& claims, std::string_view name) {
  std::string_view text;
  return find_text(claims, name, text) == Member::good ? std::string(text) : std::string();
}

std::vector<std::string> texts_at(const Object& claims, const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    dom::element value;
    if (find_path(claims, path, value)) collect_texts(value, out);
    if (!out.empty()) break;
  }
  make_set(out);
  return out;
}

/// Lists of texts, and texts with blanks between scopes, from all places.
std::vector<std::string> scopes_at(const Object& claims, const std::vector<std::string>& paths) {
  std::vector<std::string> texts, out;
  for (const std::string& path : paths) {
    dom::element value;
    if (find_path(claims, path, value)) collect_texts(value, texts);
  }
  for (const std::string& text : texts) {
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find(' ', begin), text.size());
      if (end != begin) out.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  make_set(out);
  return out;
}

void flatten(const std::string& path, const dom::element& value, std::vector<Claim>& out) {
  dom::object object;
  dom::array list;
  if (value.get(object) == simdjson::SUCCESS) {
    for (const dom::key_value_pair& member : object) {
      flatten(path.empty() ? std::string(member.key) : path + '.' + std::string(member.key), member.value, out);
    }
  } else if (value.get(list) == simdjson::SUCCESS) {
    for (const dom::element& element : list) flatten(path, element, out);
  } else {
    std::string text;
    if (append_scalar(value, text)) out.push_back({path, std::move(text)});
  }
}

/// One "@", with something on both sides, and nothing that could be taken for another address.
bool is_plain_address(std::string_view email) {
  const std::size_t at = email.find('@');
  if (at == std::string_view::npos || at == 0 || at + 1 == email.size() || email.back() == '.') return false;
  const auto is_plain = [](char c) { return c > ' ' && c < '\x7f' && c != ',' && c != ';' && c != '<' && c != '>'; };
  return email.find('@', at + 1) == std::string_view::npos && std::all_of(email.begin(), email.end(), is_plain);
}

void add_email(const Object& claims, const IssuerRules& rules, Principal& out) {
  out.email = text_at(claims, rules.email_paths);
  if (!is_plain_address(out.email)) out.email.clear();
  std::vector<std::string> verified;
  for (const std::string_view name : rules.shape->email_verified) {
    dom::element value;
    if (claims.at_key(name).get(value) == simdjson::SUCCESS) collect_texts(value, verified);
  }
  // Cognito writes "true", Entra 1.
  const bool is_verified = verified.size() == 1 && (verified[0] == "true" || verified[0] == "1");
  out.email_verified = !out.email.empty() && is_verified;
}

/// Roles that a client of Keycloak has defined: "client:role", and plain where the client is the one that we are.
void add_client_roles(const Object& claims, const IssuerRules& rules, std::vector<std::string>& roles) {
  dom::object clients;
  if (claims.at_key("resource_access").get(clients) != simdjson::SUCCESS) return;
  for (const dom::key_value_pair& client : clients) {
    dom::element list;
    std::vector<std::string> found;
    if (client.value.at_key("roles").get(list) == simdjson::SUCCESS) collect_texts(list, found);
    const std::vector<std::string>& ours = rules.settings.audiences;
    const bool is_ours = std::find(ours.begin(), ours.end(), client.key) != ours.end();
    for (const std::string& role : found) {
      roles.push_back(std::string(client.key) + ':' + role);
      if (is_ours) roles.push_back(role);
    }
  }
}

/// As the API server of Kubernetes has it: every service account is in two groups.
void add_service_account_groups(const std::string& subject, std::vector<std::string>& groups) {
  constexpr std::string_view kPrefix = "system:serviceaccount:";
  if (!subject.starts_with(kPrefix)) return;
  const std::size_t colon = subject.find(':', kPrefix.size());
  if (colon == std::string::npos || colon == kPrefix.size() || colon + 1 == subject.size()) return;
  groups.emplace_back("system:serviceaccounts");
  groups.push_back("system:serviceaccounts:" + subject.substr(kPrefix.size(), colon - kPrefix.size()));
}

/// What the config makes of groups and roles. Of roles only once: those that it has made itself are not asked about.
enum class Mapped : bool { by_groups, by_both };
void add_mapped_roles(const IssuerRules& rules, Mapped by, Principal& out) {
  std::vector<std::string> mapped;
  for (const config::RoleMapping& mapping : rules.mappings) {
    const bool holds =
        std::any_of(mapping.groups.begin(), mapping.groups.end(),
                    [&out](const std::string& group) { return is_member(out.groups, group); }) ||
        (by == Mapped::by_both && std::any_of(mapping.roles.begin(), mapping.roles.end(),
                                              [&out](const std::string& role) { return is_member(out.roles, role); }));
    if (holds) mapped.push_back(mapping.role);
  }
  out.roles.insert(out.roles.end(), mapped.begin(), mapped.end());
  make_set(out.roles);
}

void add_membership(const Object& claims, const IssuerRules& rules, Principal& out) {
  out.groups = texts_at(claims, rules.groups_paths);
  out.roles = texts_at(claims, rules.roles_paths);
  out.scopes = scopes_at(claims, rules.scopes_paths);
  if (rules.shape->profile == TokenProfile::kubernetes) add_service_account_groups(out.subject, out.groups);
  const bool is_keycloak = rules.shape->profile == TokenProfile::keycloak;
  if (is_keycloak && rules.settings.roles_claim.empty()) add_client_roles(claims, rules, out.roles);
  make_set(out.groups);
  make_set(out.roles);
  add_mapped_roles(rules, Mapped::by_both, out);
}

/// Whether there are more groups than the token tells (OpenID Connect Core 5.6.2; Entra's overage).
bool has_more_groups(const Object& claims, const IssuerRules& rules) {
  dom::object elsewhere;
  if (claims.at_key("_claim_names").get(elsewhere) == simdjson::SUCCESS) {
    dom::element source;
    for (const std::string& path : rules.groups_paths) {
      if (elsewhere.at_key(path).get(source) == simdjson::SUCCESS) return true;
    }
    if (elsewhere.at_key("groups").get(source) == simdjson::SUCCESS) return true;
  }
  dom::element flag;
  std::string text;
  if (claims.at_key("hasgroups").get(flag) != simdjson::SUCCESS) return false;
  return !append_scalar(flag, text) || text != "false";
}

/// False: bound to something that we cannot check.
bool add_binding(const Object& claims, Principal& out) {
  dom::element value;
  if (claims.at_key("cnf").get(value) != simdjson::SUCCESS) return true;
  dom::object binding;
  if (value.get(binding) != simdjson::SUCCESS) return false;
  std::string_view text;
  const Member certificate = find_text(binding, "x5t#S256", text);
  if (certificate == Member::good) out.bound_certificate = text;
  const Member key = find_text(binding, "jkt", text);
  if (key == Member::good) out.bound_key = text;
  const auto is_bad = [](Member member, const std::string& thumbprint) {
    return member == Member::wrong || (member == Member::good && thumbprint.size() != kThumbprintText);
  };
  if (is_bad(certificate, out.bound_certificate) || is_bad(key, out.bound_key)) return false;
  return certificate == Member::good || key == Member::good;
}

}  // namespace

void complete_groups(const IssuerRules& rules, const std::vector<std::string>& groups, Principal& who) {
  who.groups.insert(who.groups.end(), groups.begin(), groups.end());
  make_set(who.groups);
  add_mapped_roles(rules, Mapped::by_groups, who);
  who.groups_incomplete = false;
}

TokenFault make_principal(const Object& claims, const IssuerRules& rules, const TokenTimes& times, Principal& out) {
  out.subject = text_at(claims, rules.subject_paths);
  if (out.subject.empty()) return TokenFault::no_subject;
  if (!add_binding(claims, out)) return TokenFault::bad_binding;
  out.credential = CredentialKind::jwt;
  out.issuer = text_of(claims, "iss");
  out.issuer_name = rules.settings.name;
  out.client_id = client_of(claims, rules);
  out.name = text_of(claims, "name");
  out.preferred_username = text_at(claims, {"preferred_username", "username", "upn"});
  out.session_id = text_of(claims, "sid");
  out.acr = text_of(claims, "acr");
  out.credential_id = text_at(claims, {"jti", "uti"});
  out.expires_at = times.expires;
  out.issued_at = times.issued;
  if (find_time(claims, "auth_time", out.auth_time) != Member::good) out.auth_time = 0;
  out.audiences = texts_at(claims, {"aud"});
  out.amr = texts_at(claims, {"amr"});
  add_email(claims, rules, out);
  add_membership(claims, rules, out);
  out.groups_incomplete = has_more_groups(claims, rules);
  for (const dom::key_value_pair& member : claims) flatten(std::string(member.key), member.value, out.claims);
  std::sort(out.claims.begin(), out.claims.end());
  return TokenFault::none;
}

}  // namespace postern::identity
