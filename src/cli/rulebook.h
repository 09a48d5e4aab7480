// What a config decides on requests, without a daemon: its routes and policies as they are compiled for one, and the
// order in which a request is judged. For `postern explain` and `postern policy test`, which must not disagree with
// what requests meet: routes, normaliser and policies are the same code. Needs no certificates and no upstreams.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load.h"
#include "http/fields.h"
#include "postern/principal.h"
#include "proxy/snapshot.h"

namespace postern::cli {

struct Ask {
  std::string method = "GET";
  std::string host;          // may be empty, may have a port
  std::string target = "/";  // path and query, as a client sends them
  std::string client = "127.0.0.1";
  std::string listener;  // a name; empty: the first
  std::vector<std::pair<std::string, std::string>> headers;
  std::int64_t now = 0;
};

enum class Ruling : std::uint8_t {
  allow,
  bad_request,         // 400
  no_route,            // 404
  method_not_allowed,  // 405
  unauthenticated,     // 401: nobody, or by a credential or an issuer that the route does not take
  insufficient_scope,  // 403
  forbidden,           // 403, by a policy
};
std::string_view to_string(Ruling ruling) noexcept;

struct Judgement {
  Ruling ruling = Ruling::bad_request;
  std::string why;  // in words, where no policy was asked
  const config::Route* route = nullptr;
  std::vector<std::pair<std::string, std::string>> variables;
  bool policy_asked = false;
  policy::Decision decision;               // where one was
  std::optional<policy::Decision> shadow;  // where the route has one, and somebody got that far
  std::vector<policy::RuleTrace> trace;    // of every rule
  std::vector<policy::RuleTrace> shadow_trace;
};

class Rulebook {
 public:
  /// nullptr with diagnostics when the config is bad.
  static std::unique_ptr<const Rulebook> load(const std::string& path, std::vector<config::Diagnostic>& diagnostics);

  /// `principal`: as verified; nullptr: nobody.
  [[nodiscard]] Judgement judge(const Ask& ask, const Principal* principal) const;
  [[nodiscard]] const config::Settings& settings() const noexcept { return loaded_.settings; }
  /// Names of listeners, as `Ask` takes them.
  [[nodiscard]] const std::vector<std::string>& listeners() const noexcept { return listeners_; }

 private:
  struct Matched;
  void match(const Ask& ask, Judgement& out, Matched& matched) const;
  static Ruling admit(const config::RouteAccess& access, const Principal* principal, std::string& why);

  config::LoadResult loaded_;
  proxy::Snapshot snapshot_;  // routes and policies; nothing else is filled in
  std::vector<std::string> listeners_;
};

}  // namespace postern::cli
