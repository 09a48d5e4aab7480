// Policies from texts, and a caller to judge: shared by the policy tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "policy/policy_set.h"

namespace postern::policy {

/// What is wrong with one allow rule; empty: nothing.
inline std::vector<Problem> problems_of(const std::string& expression, const CompileOptions& options = {}) {
  const std::vector<config::Policy> policies{{.name = "p", .deny = {}, .allow = {expression}}};
  std::vector<Problem> problems;
  static_cast<void>(PolicySet::compile(policies, options, problems));
  return problems;
}

inline std::unique_ptr<const PolicySet> compile(const std::vector<config::Policy>& policies) {
  std::vector<Problem> problems;
  auto set = PolicySet::compile(policies, {}, problems);
  for (const Problem& problem : problems) ADD_FAILURE() << problem.key << ": " << problem.message;
  return set;
}

inline Decision decide(const config::Policy& policy, const PolicyInput& input) {
  static std::vector<std::unique_ptr<const PolicySet>> kept;  // a Decision is a view into its set
  kept.push_back(compile({policy}));
  return kept.back() ? kept.back()->policies().front().evaluate(input) : Decision{};
}

/// What an expression is, found out by what it does: only "true" lets in, and only "false" does not refuse.
inline Tri verdict(const std::string& expression, const PolicyInput& input) {
  if (decide({.name = "p", .deny = {}, .allow = {expression}}, input).allowed) return Tri::yes;
  return decide({.name = "p", .deny = {expression}, .allow = {"true"}}, input).allowed ? Tri::no : Tri::unknown;
}

/// Ada of "corp", with a request for a model.
struct Scene {
  Principal ada;
  std::vector<std::string> names{"team", "model"};
  std::vector<std::string_view> values{"ml", "resnet50"};
  PolicyInput input;

  Scene() {
    ada.subject = "ada";
    ada.issuer = "https://login.example.com";
    ada.issuer_name = "corp";
    ada.client_id = "notebook";
    ada.email = "Ada@Corp.com";
    ada.email_verified = true;
    ada.groups = {"data", "ml"};
    ada.roles = {"predictor"};
    ada.scopes = {"infer", "models:read"};
    ada.audiences = {"models"};
    ada.claims = {
        {"department", "research"}, {"level", "3"}, {"org.teams", "blue"}, {"org.teams", "red"}, {"vip", "true"}};
    std::ranges::sort(ada.claims);
    ada.acr = "silver";
    ada.amr = {"mfa", "pwd"};
    ada.credential = CredentialKind::jwt;
    ada.credential_id = "t-1";
    ada.auth_time = kNow - 600;
    input.principal = &ada;
    input.method = "POST";
    input.host = "Models.Example.com:8443";
    input.path = "/v1/ml/models/resnet50:predict";
    input.variable_names = names;
    input.variables = values;
    input.model = values[1];
    input.client = *http::parse_ip("10.1.2.3");
    input.listener = "public";
    input.route = "predict";
    input.now = kNow;
  }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  static constexpr std::int64_t kNow = 1'795'001'400;  // Wednesday, 2026-11-18 11:30:00 UTC

  Tri operator()(const std::string& expression) const { return verdict(expression, input); }
};

}  // namespace postern::policy
