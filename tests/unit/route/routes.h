// Short ways to write routes, tables and requests in the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "route/table.h"

namespace postern::route::test {

inline const std::vector<std::string> kListeners{"public", "internal", "third"};

/// route("a", "/x").hosts({...}).methods({...})
class RouteOf {
 public:
  RouteOf(std::string name, std::string path) {
    route_.name = std::move(name);
    route_.path = std::move(path);
    route_.reply.emplace();
  }
  RouteOf& hosts(std::vector<std::string> hosts) { return route_.hosts = std::move(hosts), *this; }
  RouteOf& methods(std::vector<std::string> methods) { return route_.methods = std::move(methods), *this; }
  RouteOf& listeners(std::vector<std::string> names) { return route_.listeners = std::move(names), *this; }
  RouteOf& headers(config::NameValues headers) { return route_.match_headers = std::move(headers), *this; }
  RouteOf& forward(std::string upstream) {
    route_.reply.reset();
    route_.forward = std::move(upstream);
    return *this;
  }
  RouteOf& redirect(std::string target) {
    route_.reply.reset();
    route_.redirect = std::move(target);
    return *this;
  }
  config::Route& raw() { return route_; }
  operator config::Route() const { return route_; }  // NOLINT: the tests' lists read better

 private:
  config::Route route_;
};

inline std::optional<std::uint32_t> resolve(std::string_view name) {
  if (name == "models") return 0;
  if (name == "other") return 1;
  return std::nullopt;
}

inline std::vector<Problem> problems_of(const std::vector<config::Route>& routes) {
  std::vector<Problem> problems;
  const auto table = RouteTable::build(routes, kListeners, resolve, problems);
  EXPECT_EQ(table == nullptr, !problems.empty());
  return problems;
}

inline std::unique_ptr<const RouteTable> table_of(const std::vector<config::Route>& routes) {
  std::vector<Problem> problems;
  auto table = RouteTable::build(routes, kListeners, resolve, problems);
  for (const Problem& problem : problems) ADD_FAILURE() << problem.key << ": " << problem.message;
  if (!table) throw std::runtime_error("no table");
  return table;
}

struct Request {
  std::string path;
  std::string method = "GET";
  std::string host = "example.com";
  std::uint32_t listener = 0;
  config::NameValues headers = {};
};

/// The result views into `request`: keep it.
inline Match match(const RouteTable& table, const Request& request) {
  http::Fields fields;
  for (const auto& [name, value] : request.headers) fields.add(name, value);
  Match out;
  const MatchInput input{request.listener, request.host, request.path, http::method_of(request.method),
                         request.method,   fields};
  EXPECT_EQ(table.match(input, out), out.route);
  EXPECT_EQ(out.route != nullptr, out.outcome == Outcome::found);
  return out;
}

/// The route's name, or "404", or "405 " with Allow.
inline std::string found(const RouteTable& table, const Request& request) {
  const Match out = match(table, request);
  if (out.route != nullptr) return out.route->name;
  if (out.outcome == Outcome::no_route) return "404";
  char buffer[256];
  return "405 " + std::string(table.write_allow(out.allowed, buffer));
}

}  // namespace postern::route::test
