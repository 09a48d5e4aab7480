// Cross checks on policies and on the routes that name them. What rules say is compiled with the snapshot
// (server/build_policy.h): this floor knows no policy language.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/nearest.h"
#include "config/validate.h"

namespace postern::config {
namespace {

constexpr std::string_view kBuiltIn = "authenticated";

class PolicyCheck {
 public:
  PolicyCheck(const Settings& settings, const Origins& origins, Report& report)
      : settings_(settings), origins_(origins), report_(report) {
    names_.push_back(kBuiltIn);
    complete_ = !report.is_faulty("policy");
    for (std::size_t i = 0; i < settings.policies.size(); ++i) {
      names_.emplace_back(settings.policies[i].name);
      const std::string path = item("policy", i);
      if (report.is_faulty(path) || report.is_faulty(path + ".name")) complete_ = false;
    }
  }

  void check_policies() {
    std::unordered_map<std::string_view, std::string> seen;
    for (std::size_t i = 0; i < settings_.policies.size(); ++i) {
      const Policy& policy = settings_.policies[i];
      const std::string path = item("policy", i);
      if (report_.is_faulty(path)) continue;
      if (policy.name == kBuiltIn)
        report_.add(path + ".name", "the name of the built-in policy, which lets in everybody who is known");
      const auto [first, added] = seen.try_emplace(policy.name, path + ".name");
      if (!added && !policy.name.empty())
        report_.add(path + ".name", fmt::format("the same name as in line {}", origins_.find(first->second).line));
      if (policy.allow.empty())
        report_.add(path + ".allow", "without a rule that allows, the policy lets nobody in",
                    "one expression or more; \"true\" is everybody");
    }
  }

  void check_roles() {
    for (std::size_t i = 0; i < settings_.role_mappings.size(); ++i) {
      const RoleMapping& mapping = settings_.role_mappings[i];
      const std::string path = item("role_mapping", i);
      if (report_.is_faulty(path)) continue;
      if (mapping.role.empty()) report_.add(path + ".role", "must not be empty");
      if (mapping.groups.empty() && mapping.roles.empty() && !report_.is_faulty(path + ".groups"))
        report_.add(path, "nobody has this role", "groups or roles");
      no_empty_text(mapping.groups, path + ".groups");
      no_empty_text(mapping.roles, path + ".roles");
    }
  }

  void check_routes() {
    const bool guarded =
        !settings_.issuers.empty() || !settings_.credentials.api_key_file.empty() || !settings_.policies.empty();
    for (std::size_t i = 0; i < settings_.routes.size(); ++i) {
      const Route& route = settings_.routes[i];
      const std::string path = item("route", i);
      const std::string access = path + ".access";
      if (report_.is_faulty(path) || report_.is_faulty(access)) continue;
      if (route.access) {
        check_access(*route.access, access);
        continue;
      }
      // In a config that knows callers, a route without a word on them is an oversight until the contrary is written.
      if (guarded && !route.forward.empty())
        report_.add(access, "missing: this config knows callers, so a route that forwards has to say whom it serves",
                    "[route.access] with policy = \"authenticated\" or another one; auth = \"none\" serves everybody");
    }
  }

 private:
  void check_access(const RouteAccess& access, const std::string& path) {
    check_name(access.policy, path + ".policy");
    check_name(access.shadow_policy, path + ".shadow_policy");
    if (access.auth != RouteAuth::none && access.policy.empty() && !report_.is_faulty(path + ".auth"))
      report_.add(path + ".policy", "missing: that somebody is known does not say that they may",
                  "a [[policy]]'s name, or policy = \"authenticated\" for everybody who is known");
    if (access.auth == RouteAuth::none && access.policy == kBuiltIn)
      report_.add(path + ".policy", "serves nobody, as auth is \"none\" and so nobody is ever known");
  }

  void check_name(const std::string& name, const std::string& key) {
    if (name.empty() || !complete_ || std::ranges::find(names_, std::string_view(name)) != names_.end()) return;
    report_.add(key, fmt::format("no policy named \"{}\"", name), {}, nearest(name, names_));
  }

  void no_empty_text(const std::vector<std::string>& texts, const std::string& path) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (texts[i].empty()) report_.add(item(path, i), "an empty name, which nobody has");
    }
  }

  const Settings& settings_;
  const Origins& origins_;
  Report& report_;
  std::vector<std::string_view> names_;
  bool complete_ = true;  // every policy's name could be read
};

}  // namespace

void validate_policy(const Settings& settings, const Origins& origins, Report& report) {
  PolicyCheck check(settings, origins, report);
  check.check_policies();
  check.check_roles();
  check.check_routes();
}

}  // namespace postern::config
