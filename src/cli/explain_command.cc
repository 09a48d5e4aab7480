#include "cli/explain_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <istream>
#include <ostream>

#include "cli/config_commands.h"
#include "cli/rulebook.h"
#include "cli/shown_caller.h"
#include "config/syntax.h"
#include "config/units.h"

namespace postern::cli {
namespace {

/// As it may be shown on a terminal.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 200)) out += c >= ' ' && c != '\x7f' ? c : '?';
  return out += text.size() > 200 ? "..." : "";
}

std::string listed(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + shown(item);
  return out;
}

class Explanation {
 public:
  explicit Explanation(std::ostream& out) : out_(out) {}

  void line(std::string_view what, std::string_view text) { out_ << fmt::format("{:<11} {}\n", what, text); }
  void detail(std::string_view what, std::string_view text) {
    if (!text.empty()) out_ << fmt::format("  {:<17} {}\n", what, text);
  }

  void caller(const ShownCaller& caller, bool shown_any) {
    if (!caller.fault.empty()) return line("identity", "no good: " + caller.fault);
    if (!caller.who) return line("identity", shown_any ? "nobody" : "nobody: no credential was shown");
    const Principal& who = *caller.who;
    line("identity", fmt::format("{}, by {}", shown(who.subject), caller.story));
    detail("credential", to_string(who.credential));
    detail("client_id", shown(who.client_id));
    if (!who.email.empty()) detail("email", shown(who.email) + (who.email_verified ? "" : ", which is not verified"));
    detail("groups", who.groups_incomplete ? "not all known: rules on them hold for nobody" : listed(who.groups));
    detail("roles", listed(who.roles));
    detail("scopes", listed(who.scopes));
    detail("acr", shown(who.acr));
    detail("amr", listed(who.amr));
    for (const Claim& claim : who.claims) detail("claims." + shown(claim.path), shown(claim.value));
  }

  void route(const Judgement& judged) {
    if (!judged.route) return;
    line("route", judged.route->name);
    for (const auto& [name, value] : judged.variables) detail("path." + name, value);
  }

  void access(const config::Route& route) {
    if (!route.access) return line("access", "anybody: the route has no [route.access]");
    const config::RouteAccess& access = *route.access;
    if (access.auth == config::RouteAuth::none) return line("access", "nobody is asked who it is");
    line("access",
         access.auth == config::RouteAuth::required ? "a credential is required" : "a credential may be shown");
    detail("kinds", access.credentials.empty() ? "any" : listed(access.credentials));
    detail("issuers", listed(access.issuers));
    detail("audiences", listed(access.audiences));
    detail("scopes", listed(access.scopes));
  }

  void policy(std::string_view what, const policy::Decision& decision, const std::vector<policy::RuleTrace>& rules) {
    line(what, fmt::format("{}: {}", decision.policy, result(decision)));
    for (const policy::RuleTrace& rule : rules) {
      out_ << fmt::format("  {:<9}{:<9}{}{}\n", fmt::format("{}[{}]", to_string(rule.kind), rule.index),
                          to_string(rule.verdict), one_line(rule.text), rule.decided ? "   <- decides" : "");
      if (rule.tests.size() < 2) continue;
      for (const policy::TestTrace& test : rule.tests)
        out_ << fmt::format("             {:<9}{}\n", to_string(test.verdict), one_line(test.text));
    }
  }

  void limits(const config::Settings& settings, const config::Route& route) {
    if (!route.access) return;
    for (const std::string& name : route.access->limits) {
      const auto limit = std::ranges::find(settings.limits, name, &config::Limit::name);
      if (limit == settings.limits.end()) continue;
      std::string what;
      const auto add = [&what](const std::string& text) { what += (what.empty() ? "" : ", ") + text; };
      const std::string interval = config::format_duration(static_cast<std::uint64_t>(limit->interval.count()));
      if (limit->requests != 0) add(fmt::format("{} requests in {}", limit->requests, interval));
      if (limit->body_bytes != 0)
        add(fmt::format("{} of bodies in {}", config::format_size(limit->body_bytes), interval));
      if (limit->concurrent != 0) add(fmt::format("{} at a time", limit->concurrent));
      line("limit", fmt::format("{}: {}, {}", name, what,
                                limit->per.empty() ? "all together" : "for each " + listed(limit->per)));
    }
  }

  void action(const config::Settings& settings, const config::Route& route) {
    if (!route.redirect.empty()) return line("action", "redirect to " + route.redirect);
    if (route.reply) return line("action", fmt::format("reply {}", route.reply->status));
    const auto upstream = std::ranges::find(settings.upstreams, route.forward, &config::Upstream::name);
    std::string endpoints;
    if (upstream != settings.upstreams.end()) endpoints = listed(upstream->endpoints);
    line("upstream", route.forward + (endpoints.empty() ? "" : ": " + endpoints));
  }

 private:
  static std::string result(const policy::Decision& decision) {
    return fmt::format("{} ({})", decision.allowed ? "allow" : "deny", decision.code());
  }
  static std::string one_line(std::string text) {
    std::ranges::replace(text, '\n', ' ');
    return text;
  }

  std::ostream& out_;
};

/// False: no URL.
bool read_url(const ExplainRequest& request, const config::Settings& settings, Ask& ask) {
  std::string_view url = request.url;
  const std::size_t scheme_end = url.find("://");
  const bool tls = url.starts_with("https://");
  ask.listener = request.listener;
  if (scheme_end != url.npos) {
    if (!tls && !url.starts_with("http://")) return false;
    url.remove_prefix(scheme_end + 3);
    const std::size_t slash = std::min(url.find_first_of("/?"), url.size());
    ask.host = url.substr(0, slash);
    if (ask.host.empty()) return false;
    url.remove_prefix(slash);
  }
  ask.target = url.empty() || url.front() == '?' ? "/" + std::string(url) : std::string(url);
  if (!ask.listener.empty() || scheme_end == std::string_view::npos) return ask.target.front() == '/';
  for (const config::Listener& listener : settings.listeners) {
    if (listener.tls.has_value() == tls && ask.listener.empty()) ask.listener = listener.name;
  }
  return true;
}

bool read_headers(const ExplainRequest& request, Ask& ask) {
  for (const std::string& header : request.headers) {
    const std::size_t colon = header.find(':');
    if (colon == std::string::npos || !config::is_token(std::string_view(header).substr(0, colon))) return false;
    const std::size_t value = std::min(header.find_first_not_of(' ', colon + 1), header.size());
    ask.headers.emplace_back(header.substr(0, colon), header.substr(value));
  }
  return true;
}

/// The last line: what the client would get.
std::string verdict_of(const Judgement& judged, const ShownCaller& caller, bool cares) {
  if (cares && caller.unavailable) return "503: whether the token is good cannot be told now";
  if (cares && !caller.fault.empty()) return "401: the credential is no good";
  switch (judged.ruling) {
    case Ruling::allow:
      return "allow";
    case Ruling::bad_request:
      return "400: " + judged.why;
    case Ruling::no_route:
      return "404: " + judged.why;
    case Ruling::method_not_allowed:
      return "405: " + judged.why;
    case Ruling::unauthenticated:
      return "401: " + judged.why;
    case Ruling::insufficient_scope:
      return "403: " + judged.why;
    case Ruling::forbidden:
      break;
  }
  const std::string_view rule = judged.decision.rule.empty() ? judged.decision.code() : judged.decision.rule;
  return fmt::format("403: policy {}, {}", judged.decision.policy, rule);
}

}  // namespace

int explain_command(const ExplainRequest& request, std::istream& in, std::ostream& out, std::ostream& err) {
  std::vector<config::Diagnostic> diagnostics;
  const std::unique_ptr<const Rulebook> book = Rulebook::load(request.config, diagnostics);
  print_diagnostics(diagnostics, err);
  if (!book) return 2;
  const auto fail = [&err](const std::string& why) {
    err << "explain: " << why << "\n";
    return 2;
  };
  Ask ask;
  ask.method = request.method;
  ask.client = request.client;
  ask.now = request.now.value_or(std::time(nullptr));
  if (!read_url(request, book->settings(), ask)) return fail("no URL: \"" + request.url + "\"");
  if (!read_headers(request, ask)) return fail("headers are \"name: value\"");
  if (!http::parse_ip(ask.client)) return fail("no IP address: \"" + ask.client + "\"");

  ShownCaller caller;
  std::string token = request.token;
  if (token == "-") std::getline(in, token);
  if (!token.empty()) caller = caller_by_token(book->settings(), token, request.jwks, ask.now);
  if (!request.claims.empty()) caller = caller_by_claims(book->settings(), request.claims, ask.now);
  if (!caller.error.empty()) return fail(caller.error);

  const Judgement judged = book->judge(ask, caller.who ? &*caller.who : nullptr);
  const bool cares = judged.route && judged.route->access && judged.route->access->auth != config::RouteAuth::none;
  Explanation explanation(out);
  explanation.line("request", fmt::format("{} {} from {}", ask.method, shown(request.url), ask.client));
  explanation.line("listener",
                   ask.listener.empty() && !book->listeners().empty() ? book->listeners().front() : ask.listener);
  explanation.route(judged);
  if (judged.route) explanation.access(*judged.route);
  explanation.caller(caller, !token.empty() || !request.claims.empty());
  const bool asked = caller.fault.empty() || !cares;
  if (asked && judged.policy_asked) explanation.policy("policy", judged.decision, judged.trace);
  if (asked && judged.shadow) explanation.policy("shadow", *judged.shadow, judged.shadow_trace);
  if (judged.route) explanation.limits(book->settings(), *judged.route);
  if (judged.route) explanation.action(book->settings(), *judged.route);
  const std::string verdict = verdict_of(judged, caller, cares);
  explanation.line("verdict", verdict);
  return verdict == "allow" ? 0 : 1;
}

}  // namespace postern::cli
