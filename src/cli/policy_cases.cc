#include "cli/policy_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <functional>

#include "config/environment.h"
#include "config/load.h"
#include "config/nearest.h"
#include "config/units.h"

namespace postern::cli {
namespace {

using config::Node;

constexpr std::int64_t kNow = 1'700'000'000;  // Tuesday, 2023-11-14 22:13:20 UTC: the same in every run

/// A key of a table: what it is called, and what takes its value; false: a wrong type or value.
struct Key {
  std::string_view name;
  std::function<bool(const Node&)> take;
  std::string_view expected;
};

class Reader {
 public:
  Reader(const std::string& file, std::vector<config::Diagnostic>& out) : file_(file), out_(out) {}

  void complain(const Node& at, const std::string& key, std::string message, std::string_view expected = {},
                std::string_view nearest = {}) {
    out_.push_back({file_, at.position.line, at.position.column, key, std::move(message), std::string(expected),
                    std::string(nearest)});
  }

  void table(const Node& node, const std::string& path, const std::vector<Key>& keys) {
    if (node.kind != Node::Kind::table) return complain(node, path, "not a table");
    for (const Node& member : node.children) {
      const auto key = std::ranges::find(keys, std::string_view(member.key), &Key::name);
      const std::string name = config::join(path, member.key);
      if (key == keys.end()) {
        std::vector<std::string_view> names;
        for (const Key& each : keys) names.push_back(each.name);
        complain(member, name, "unknown key", {}, config::nearest(member.key, names));
      } else if (!key->take(member)) {
        complain(member, name, "wrong type or value", key->expected);
      }
    }
  }

 private:
  const std::string& file_;
  std::vector<config::Diagnostic>& out_;
};

Key text(std::string_view name, std::string& to) {
  return {name,
          [&to](const Node& node) {
            to = node.text;
            return node.kind == Node::Kind::string;
          },
          "a text"};
}

Key boolean(std::string_view name, bool& to) {
  return {name,
          [&to](const Node& node) {
            to = node.boolean;
            return node.kind == Node::Kind::boolean;
          },
          "true or false"};
}

Key texts(std::string_view name, std::vector<std::string>& to) {
  return {name,
          [&to](const Node& node) {
            if (node.kind != Node::Kind::array) return false;
            for (const Node& item : node.children) {
              if (item.kind != Node::Kind::string || item.text.empty()) return false;
              to.push_back(item.text);
            }
            std::ranges::sort(to);
            return true;
          },
          "a list of texts, none of them empty"};
}

// "2026-11-18T11:30:00Z", or seconds since 1970.
bool parse_time(const Node& node, std::int64_t& to) {
  if (node.kind == Node::Kind::integer) {
    to = node.integer;
    return to > 0;
  }
  std::tm time{};
  int used = 0;
  const int found = std::sscanf(node.text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &time.tm_year, &time.tm_mon,
                                &time.tm_mday, &time.tm_hour, &time.tm_min, &time.tm_sec, &used);
  if (node.kind != Node::Kind::string || found != 6 || static_cast<std::size_t>(used) != node.text.size()) return false;
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  to = timegm(&time);
  return to > 0;
}

bool add_claim(const Node& node, const std::string& path, std::vector<Claim>& to) {
  switch (node.kind) {
    case Node::Kind::string:
      to.push_back({path, node.text});
      return true;
    case Node::Kind::integer:
      to.push_back({path, std::to_string(node.integer)});
      return true;
    case Node::Kind::boolean:
      to.push_back({path, node.boolean ? "true" : "false"});
      return true;
    case Node::Kind::array:
      return std::ranges::all_of(node.children, [&](const Node& item) { return add_claim(item, path, to); });
    case Node::Kind::table:
      return std::ranges::all_of(node.children, [&](const Node& member) {
        return add_claim(member, path.empty() ? member.key : path + '.' + member.key, to);
      });
    default:
      return false;
  }
}

Key credential(Principal& who) {
  return {"credential",
          [&who](const Node& node) {
            for (std::uint8_t i = 1; i <= static_cast<std::uint8_t>(CredentialKind::session); ++i) {
              who.credential = static_cast<CredentialKind>(i);
              if (node.kind == Node::Kind::string && node.text == to_string(who.credential)) return true;
            }
            return false;
          },
          "jwt, opaque, api_key, certificate or session"};
}

void read_request(Reader& reader, const Node& node, const std::string& path, Ask& ask) {
  const Key headers{"headers",
                    [&ask](const Node& table) {
                      for (const Node& member : table.children) {
                        if (member.kind != Node::Kind::string) return false;
                        ask.headers.emplace_back(member.key, member.text);
                      }
                      return table.kind == Node::Kind::table;
                    },
                    "a table of texts"};
  const Key time{"time", [&ask](const Node& at) { return parse_time(at, ask.now); },
                 "\"2026-11-18T11:30:00Z\", or seconds since 1970"};
  const Key client{"client",
                   [&ask](const Node& at) {
                     ask.client = at.text;
                     return at.kind == Node::Kind::string && http::parse_ip(at.text).has_value();
                   },
                   "an IP address"};
  reader.table(node, path,
               {text("method", ask.method), text("host", ask.host), text("path", ask.target), client,
                text("listener", ask.listener), headers, time});
}

void read_identity(Reader& reader, const Node& node, const std::string& path, std::int64_t now, Principal& who) {
  who.credential = CredentialKind::jwt;
  who.email_verified = true;  // an address that a table of cases names is meant to count
  const Key claims{"claims",
                   [&who](const Node& table) {
                     const bool good = table.kind == Node::Kind::table && add_claim(table, {}, who.claims);
                     std::ranges::sort(who.claims);
                     return good;
                   },
                   "a table of texts, whole numbers, booleans, lists and tables"};
  const Key auth_age{"auth_age",
                     [&who, now](const Node& at) {
                       const auto age = config::parse_duration(at.text);
                       if (age) who.auth_time = now - static_cast<std::int64_t>(*age / 1000);
                       return age.has_value();
                     },
                     "a duration such as \"15m\""};
  reader.table(node, path,
               {text("subject", who.subject), text("issuer", who.issuer_name), text("issuer_url", who.issuer),
                text("client_id", who.client_id), text("email", who.email),
                boolean("email_verified", who.email_verified), texts("groups", who.groups), texts("roles", who.roles),
                texts("scopes", who.scopes), texts("audience", who.audiences), texts("amr", who.amr),
                text("acr", who.acr), text("credential_id", who.credential_id), credential(who), auth_age, claims,
                boolean("groups_incomplete", who.groups_incomplete)});
}

bool is_ruling(std::string_view word) {
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(Ruling::forbidden); ++i) {
    if (word == to_string(static_cast<Ruling>(i))) return true;
  }
  return word == "deny";
}

void read_case(Reader& reader, const Node& node, const std::string& path, PolicyCase& out) {
  out.line = node.position.line;
  out.ask.now = kNow;
  const Node* identity = nullptr;
  const Key expect{"expect",
                   [&out](const Node& at) {
                     out.expect = at.text;
                     return is_ruling(at.text);
                   },
                   "allow, deny, forbidden, unauthenticated, insufficient_scope, no_route, method_not_allowed or "
                   "bad_request"};
  reader.table(node, path,
               {text("name", out.name),
                text("rule", out.rule),
                text("policy", out.policy),
                text("route", out.route),
                expect,
                {"request",
                 [&](const Node& at) {
                   read_request(reader, at, path + ".request", out.ask);
                   return true;
                 },
                 {}},
                {"identity",
                 [&](const Node& at) {
                   identity = &at;
                   return true;
                 },
                 {}}});
  // Its ages count from the request's time, wherever that stands.
  if (identity) read_identity(reader, *identity, path + ".identity", out.ask.now, out.who.emplace());
  if (out.expect.empty()) reader.complain(node, path + ".expect", "missing", "allow or deny");
}

}  // namespace

void map_roles(const std::vector<config::RoleMapping>& mappings, Principal& who) {
  const auto any = [](const std::vector<std::string>& wanted, const std::vector<std::string>& held) {
    return std::ranges::any_of(wanted,
                               [&](const std::string& one) { return std::ranges::find(held, one) != held.end(); });
  };
  std::vector<std::string> mapped;
  for (const config::RoleMapping& mapping : mappings) {
    if (!mapping.issuer.empty() && mapping.issuer != who.issuer_name) continue;
    if (any(mapping.groups, who.groups) || any(mapping.roles, who.roles)) mapped.push_back(mapping.role);
  }
  who.roles.insert(who.roles.end(), mapped.begin(), mapped.end());
  std::ranges::sort(who.roles);
  const auto doubles = std::ranges::unique(who.roles);
  who.roles.erase(doubles.begin(), doubles.end());
}

PolicyCases read_policy_cases(const std::string& path, std::vector<config::Diagnostic>& diagnostics) {
  PolicyCases out;
  Node root;
  if (!config::load_tree(path, root, diagnostics)) return out;
  Reader reader(path, diagnostics);
  const Key cases{"case",
                  [&](const Node& list) {
                    if (list.kind != Node::Kind::array) return false;
                    out.cases.resize(list.children.size());
                    for (std::size_t i = 0; i < out.cases.size(); ++i)
                      read_case(reader, list.children[i], config::item("case", i), out.cases[i]);
                    return true;
                  },
                  "[[case]]"};
  reader.table(root, {}, {text("config", out.config), cases});
  if (out.config.empty()) reader.complain(root, "config", "missing", "the config's file name");
  if (out.cases.empty()) reader.complain(root, "case", "missing", "[[case]], once or more");
  out.config = config::resolve_path(path.substr(0, path.rfind('/') + 1), out.config);
  config::arrange(diagnostics);
  return out;
}

}  // namespace postern::cli
