// Cross checks on issuers, and on the names of issuers that routes use.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "config/nearest.h"
#include "config/share.h"
#include "config/syntax.h"
#include "config/validate.h"

namespace postern::config {
namespace {

constexpr std::string_view kTenantPlace = "{tenantid}";
// Types of tokens that must never open a door, whatever their signature.
constexpr std::array<std::string_view, 4> kNeverTypes{"logout+jwt", "dpop+jwt", "secevent+jwt", "id+jwt"};

struct Place {
  const Issuer& issuer;
  const std::string path;
  Report& report;

  void add(std::string_view key, std::string message, std::string expected = {}) const {
    report.add(path + '.' + std::string(key), std::move(message), std::move(expected));
  }
};

bool has_tenants(const Issuer& issuer) { return issuer.url.find(kTenantPlace) != std::string::npos; }

void check_url(const Place& place, std::string_view key, const std::string& url) {
  const std::optional<HttpUrl> parsed = parse_http_url(url);
  if (!parsed) return place.add(key, "not a URL", "\"https://host/path\"");
  if (!parsed->is_secure && !place.issuer.allow_http) {
    place.add(key, "not https", "https, or allow_http = true for a trial");
  }
}

void check_keys(const Place& place) {
  const Issuer& issuer = place.issuer;
  const std::array<std::pair<std::string_view, const std::string*>, 4> sources{{{"jwks_url", &issuer.jwks_url},
                                                                                {"jwks_file", &issuer.jwks_file},
                                                                                {"pem_file", &issuer.pem_file},
                                                                                {"secret_file", &issuer.secret_file}}};
  std::string_view first;
  for (const auto& [key, value] : sources) {
    if (value->empty()) continue;
    if (first.empty())
      first = key;
    else
      place.add(key, fmt::format("stands beside {}", first), "one place where the keys are");
  }
  if (!issuer.jwks_url.empty()) check_url(place, "jwks_url", issuer.jwks_url);
  if (!first.empty() || (!issuer.introspection_url.empty() && issuer.introspection_tokens == Introspected::all)) return;
  std::string url = issuer.url;
  const std::size_t at = url.find(kTenantPlace);
  if (at != std::string::npos) url.replace(at, kTenantPlace.size(), "organizations");
  check_url(place, "url", url);  // discovery begins there
}

void check_algorithms(const Place& place) {
  const bool has_secret = !place.issuer.secret_file.empty();
  for (std::size_t i = 0; i < place.issuer.algorithms.size(); ++i) {
    if ((place.issuer.algorithms[i] == "HS256") == has_secret) continue;
    place.report.add(item(place.path + ".algorithms", i),
                     has_secret ? "a secret is for HS256 alone" : "HS256 needs a secret",
                     has_secret ? "HS256" : "secret_file");
  }
}

void check_texts(const Place& place, std::string_view key, const std::vector<std::string>& texts) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty()) place.report.add(item(place.path + '.' + std::string(key), i), "must not be empty");
  }
}

void check_types(const Place& place) {
  for (std::size_t i = 0; i < place.issuer.types.size(); ++i) {
    std::string type = place.issuer.types[i];
    for (char& c : type) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (std::any_of(kNeverTypes.begin(), kNeverTypes.end(), [&](auto never) { return type.ends_with(never); })) {
      place.report.add(item(place.path + ".types", i), "never the type of an access token");
    }
  }
}

void check_tenants(const Place& place) {
  const Issuer& issuer = place.issuer;
  if (!has_tenants(issuer)) {
    if (!issuer.tenants.empty()) place.add("tenants", "has no effect unless url has {tenantid}");
    return;
  }
  if (issuer.kind != IssuerTemplate::entra) {
    place.add("url", "{tenantid} is for template = \"entra\" alone");
  } else if (issuer.tenants.empty()) {
    place.add("tenants", "missing", "the tenants that are believed: every other tenant could sign in as well");
  }
}

void check_introspection(const Place& place) {
  const Issuer& issuer = place.issuer;
  const bool asks = !issuer.introspection_url.empty();
  const std::array<std::pair<std::string_view, const std::string*>, 2> ours{
      {{"introspection_client_id", &issuer.introspection_client_id},
       {"introspection_secret_file", &issuer.introspection_secret_file}}};
  for (const auto& [key, value] : ours) {
    // RFC 7662 2.1: whoever may ask anonymously may try out tokens.
    if (asks && value->empty()) place.add(key, "missing", "who we are at introspection_url");
    if (!asks && !value->empty()) place.add(key, "has no effect without introspection_url");
  }
  if (asks) check_url(place, "introspection_url", issuer.introspection_url);
  if (!asks && issuer.introspection_tokens != Introspected::opaque)
    place.add("introspection_tokens", "has no effect without introspection_url");
}

void check_graph(const Place& place) {
  const Issuer& issuer = place.issuer;
  if (issuer.graph_client_id.empty()) {
    if (!issuer.graph_secret_file.empty()) place.add("graph_secret_file", "has no effect without graph_client_id");
    return;
  }
  if (issuer.kind != IssuerTemplate::entra) place.add("graph_client_id", "is for template = \"entra\" alone");
  if (issuer.graph_secret_file.empty()) place.add("graph_secret_file", "missing", "the application's secret");
  check_url(place, "graph_url", issuer.graph_url);
  std::string url = issuer.graph_token_url;
  if (const std::size_t at = url.find(kTenantPlace); at != std::string::npos) url.replace(at, kTenantPlace.size(), "t");
  check_url(place, "graph_token_url", url);
}

/// A token is shown to nobody but its issuer: where several could be meant, the route says which.
void check_introspecting_routes(const Settings& settings, Report& report) {
  std::vector<std::string_view> all;
  for (const Issuer& issuer : settings.issuers) {
    if (!issuer.introspection_url.empty()) all.push_back(issuer.name);
  }
  if (all.size() < 2) return;
  for (std::size_t i = 0; i < settings.routes.size(); ++i) {
    const auto& access = settings.routes[i].access;
    if (!access || access->auth == RouteAuth::none) continue;
    const auto& kinds = access->credentials;
    if (!kinds.empty() && std::find(kinds.begin(), kinds.end(), "bearer") == kinds.end()) continue;
    const auto counts = [&](std::string_view name) {
      return access->issuers.empty() ||
             std::find(access->issuers.begin(), access->issuers.end(), name) != access->issuers.end();
    };
    if (std::count_if(all.begin(), all.end(), counts) < 2) continue;
    report.add(item("route", i) + ".access.issuers",
               fmt::format("several issuers could be asked about an opaque token: {}", fmt::join(all, ", ")),
               "issuers of which one has introspection_url");
  }
}

}  // namespace

void validate_identity(const Settings& settings, const Origins& origins, Report& report) {
  std::unordered_map<std::string, std::string> names, urls;  // and the key of the first
  std::vector<std::string_view> all;
  const auto unique = [&](auto& seen, const std::string& value, const std::string& key) {
    if (value.empty() || report.is_faulty(key)) return;
    const auto [first, inserted] = seen.try_emplace(value, key);
    if (!inserted) report.add(key, fmt::format("the same as in line {}", origins.find(first->second).line));
  };
  for (std::size_t i = 0; i < settings.issuers.size(); ++i) {
    const Issuer& issuer = settings.issuers[i];
    const Place place{issuer, item("issuer", i), report};
    all.push_back(issuer.name);
    if (report.is_faulty(place.path)) continue;
    unique(names, issuer.name, place.path + ".name");
    unique(urls, issuer.url, place.path + ".url");
    if (issuer.url.empty()) place.add("url", "must not be empty");
    if (issuer.audiences.empty()) place.add("audiences", "must not be empty", "whom its tokens have to be meant for");
    check_texts(place, "audiences", issuer.audiences);
    check_texts(place, "authorized_parties", issuer.authorized_parties);
    check_texts(place, "tenants", issuer.tenants);
    check_keys(place);
    check_algorithms(place);
    check_types(place);
    check_tenants(place);
    check_introspection(place);
    check_graph(place);
  }
  check_introspecting_routes(settings, report);
  for (std::size_t i = 0; i < settings.routes.size(); ++i) {
    const auto& access = settings.routes[i].access;
    if (!access) continue;
    const std::string list = item("route", i) + ".access.issuers";
    for (std::size_t k = 0; k < access->issuers.size(); ++k) {
      const std::string& name = access->issuers[k];
      if (names.contains(name) || report.is_faulty("issuer")) continue;
      report.add(item(list, k), fmt::format("no issuer named \"{}\"", name), {}, nearest(name, all));
    }
  }
}

}  // namespace postern::config
