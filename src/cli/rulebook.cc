#include "cli/rulebook.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/host.h"
#include "http/uri.h"
#include "route/table.h"
#include "server/build_policy.h"

namespace postern::cli {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::ranges::find(list, item) != list.end();
}

/// The config's word for how somebody has shown who it is.
std::string_view word_for(CredentialKind kind) {
  const bool bears = kind != CredentialKind::api_key && kind != CredentialKind::certificate;
  return bears ? "bearer" : to_string(kind);
}

http::UriPolicy uri_policy(const config::Listener& listener) {
  return {
      listener.slashes == config::Slashes::merge ? http::Slashes::merge : http::Slashes::keep,
      listener.encoded_slash == config::EncodedSlash::reject ? http::EncodedSlash::reject : http::EncodedSlash::keep,
      listener.path_parameters == config::PathParameters::reject ? http::PathParameters::reject
                                                                 : http::PathParameters::keep};
}

}  // namespace

std::string_view to_string(Ruling ruling) noexcept {
  constexpr std::string_view kNames[] = {"allow",           "bad_request",        "no_route", "method_not_allowed",
                                         "unauthenticated", "insufficient_scope", "forbidden"};
  return kNames[static_cast<std::size_t>(ruling)];
}

/// What views need to stay somewhere.
struct Rulebook::Matched {
  std::uint32_t listener = 0;
  std::string scratch;
  std::string_view path;
  http::Fields fields;
  route::Match match;
};

std::unique_ptr<const Rulebook> Rulebook::load(const std::string& path, std::vector<config::Diagnostic>& diagnostics) {
  auto book = std::make_unique<Rulebook>();
  book->loaded_ = config::load_file(path);
  diagnostics = book->loaded_.diagnostics;
  if (!diagnostics.empty()) return nullptr;
  const config::Settings& settings = book->loaded_.settings;
  for (const config::Listener& listener : settings.listeners) book->listeners_.push_back(listener.name);
  const auto find_upstream = [&](std::string_view name) -> std::optional<std::uint32_t> {
    const auto found = std::ranges::find(settings.upstreams, name, &config::Upstream::name);
    if (found == settings.upstreams.end()) return std::nullopt;
    return static_cast<std::uint32_t>(found - settings.upstreams.begin());
  };
  std::vector<route::Problem> problems;
  book->snapshot_.routes = route::RouteTable::build(settings.routes, book->listeners_, find_upstream, problems);
  for (route::Problem& problem : problems)
    diagnostics.push_back(book->loaded_.diagnostic(problem.key, std::move(problem.message)));
  server::build_policies(book->loaded_, 1, book->snapshot_, diagnostics);
  config::arrange(diagnostics);
  return diagnostics.empty() ? std::move(book) : nullptr;
}

void Rulebook::match(const Ask& ask, Judgement& out, Matched& matched) const {
  const auto listener = ask.listener.empty() ? listeners_.begin() : std::ranges::find(listeners_, ask.listener);
  if (listener == listeners_.end()) {
    out.why = ask.listener.empty() ? "the config has no listener" : "there is no listener \"" + ask.listener + "\"";
    return;
  }
  matched.listener = static_cast<std::uint32_t>(listener - listeners_.begin());
  http::Authority authority;
  if (!ask.host.empty() && !http::parse_authority(ask.host, authority)) {
    out.why = "no host: \"" + ask.host + "\"";
    return;
  }
  const std::size_t question = ask.target.find('?');
  const std::string_view raw = std::string_view(ask.target).substr(0, question);
  matched.scratch.resize(raw.size());
  const http::UriResult path = raw.starts_with('/')
                                   ? http::normalise_path(raw, uri_policy(loaded_.settings.listeners[matched.listener]),
                                                          {matched.scratch.data(), matched.scratch.size()})
                                   : http::UriResult{{}, "a path begins with \"/\""};
  const char* bad = path.error;
  if (!bad && question != std::string::npos) bad = http::check_query(std::string_view(ask.target).substr(question));
  if (bad) {
    out.why = bad;
    return;
  }
  matched.path = path.path;
  for (const auto& [name, value] : ask.headers) matched.fields.add(name, value);
  const route::MatchInput input{matched.listener, authority.host, matched.path, http::method_of(ask.method),
                                ask.method,       matched.fields};
  snapshot_.routes->match(input, matched.match);
  out.ruling = matched.match.outcome == route::Outcome::no_route ? Ruling::no_route
               : matched.match.outcome == route::Outcome::found  ? Ruling::allow
                                                                 : Ruling::method_not_allowed;
  if (!matched.match.route) {
    out.why = out.ruling == Ruling::no_route ? "no route leads there" : "the route does not take this method";
    return;
  }
  out.route = &loaded_.settings.routes[matched.match.route->index];
  for (std::size_t i = 0; i < matched.match.variable_count; ++i)
    out.variables.emplace_back(matched.match.route->variable_names[i], matched.match.variables[i]);
}

/// The pipeline's gate in words: whether the caller counts as known here, and has what the route wants of any caller.
Ruling Rulebook::admit(const config::RouteAccess& access, const Principal* principal, std::string& why) {
  if (!principal) {
    const bool may_be =
        access.auth == config::RouteAuth::none || (access.auth == config::RouteAuth::optional && access.scopes.empty());
    if (may_be) return Ruling::allow;
    why = "no credential was shown";
    return Ruling::unauthenticated;
  }
  const std::string_view shown = word_for(principal->credential);
  if (!access.credentials.empty() && !contains(access.credentials, shown))
    why = fmt::format("the route does not take credentials of kind {}", shown);
  else if (!access.issuers.empty() && !contains(access.issuers, principal->issuer_name))
    why = fmt::format("the route does not take the issuer \"{}\"", principal->issuer_name);
  else if (!principal->bound_key.empty() || !principal->bound_certificate.empty())
    why = "the token is bound to a key or a certificate, which only a connection can show";
  else if (principal->credential == CredentialKind::jwt && !access.audiences.empty() &&
           std::ranges::none_of(principal->audiences, [&](const auto& one) { return contains(access.audiences, one); }))
    why = "none of the token's audiences is one of the route's";
  if (!why.empty()) return Ruling::unauthenticated;
  const auto missing = std::ranges::find_if_not(
      access.scopes, [&](const std::string& scope) { return contains(principal->scopes, scope); });
  if (missing == access.scopes.end()) return Ruling::allow;
  why = fmt::format("scope \"{}\" is missing", *missing);
  return Ruling::insufficient_scope;
}

Judgement Rulebook::judge(const Ask& ask, const Principal* principal) const {
  Judgement out;
  Matched matched;
  match(ask, out, matched);
  if (!out.route || !out.route->access) return out;
  const config::RouteAccess& access = *out.route->access;
  if (access.auth == config::RouteAuth::none) principal = nullptr;  // nobody looks
  out.ruling = admit(access, principal, out.why);
  if (out.ruling != Ruling::allow) return out;
  const route::Route& route = *matched.match.route;
  PolicyInput input;
  input.principal = principal;
  input.method = ask.method;
  input.host = ask.host;
  input.path = matched.path;
  input.variable_names = route.variable_names;
  input.variables = {matched.match.variables.data(), matched.match.variable_count};
  input.model = route.model_of(matched.match);
  input.client = http::parse_ip(ask.client).value_or(http::Address{});
  input.listener = listeners_[matched.listener];
  input.route = route.name;
  input.now = ask.now;
  const proxy::RoutePolicies& policies = snapshot_.route_policies[route.index];
  if (policies.shadow) {
    out.shadow = policies.shadow->evaluate(input);
    out.shadow_trace = policies.shadow->trace(input);
  }
  if (!policies.effective) return out;
  out.policy_asked = true;
  out.decision = policies.effective->evaluate(input);
  out.trace = policies.effective->trace(input);
  if (out.decision.allowed) return out;
  // Whoever has shown nothing where he might have is asked for it.
  const bool may_ask = !principal && access.auth == config::RouteAuth::optional;
  out.ruling = may_ask ? Ruling::unauthenticated : Ruling::forbidden;
  if (may_ask) out.why = "nobody is known, and the policy does not allow that";
  return out;
}

}  // namespace postern::cli
