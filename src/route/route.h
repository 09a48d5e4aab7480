// One route as requests use it: names resolved to indices, edits and templates compiled.
// Built by compile_route() at start-up and reload, immutable inside the Snapshot's RouteTable. Any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/settings.h"
#include "route/failure_rules.h"
#include "route/header_edits.h"
#include "route/match.h"
#include "route/rewrite.h"

namespace postern::route {

struct Forward {
  std::uint32_t upstream = 0;  // what the resolver said; the snapshot's upstream index
  bool preserve_host = true;
  bool buffer_request = false;
  RetryRules retry;
  HedgeRules hedge;
  std::string deadline_header;  // empty: none
  config::OnClientFin on_client_fin = config::OnClientFin::serve;
  config::OnDisconnect on_disconnect = config::OnDisconnect::cancel;
  bool websocket = true;
  bool grpc_web = false;
  PathRewrite path;
  std::chrono::milliseconds response_timeout{};  // to the first byte of the answer
  std::chrono::milliseconds idle_timeout{};      // between bytes of a body
  std::chrono::milliseconds websocket_idle_timeout{};
  TrailerList request_trailers;
  TrailerList response_trailers;
};

struct Redirect {
  std::uint16_t status = 308;
  RedirectTarget target;
};

struct FixedReply {
  std::uint16_t status = 200;
  std::string body;
  std::string content_type;
};

struct Route {
  std::string name;                             // in the access log and metric labels
  std::uint32_t index = 0;                      // position in the config, dense: for per-route counters
  std::chrono::milliseconds request_timeout{};  // whole exchange; 0: none
  std::uint64_t max_body = 0;                   // 0: the listener's
  HeaderEdits request_headers;
  HeaderEdits response_headers;
  config::ServerTiming server_timing = config::ServerTiming::never;
  std::vector<std::string> variable_names;    // of its path, as Match::variables
  std::optional<std::size_t> model_variable;  // which variable of the path is {model}
  std::variant<Forward, Redirect, FixedReply> action;

  /// What {model} took; empty: the route has none. Good as long as the request's path.
  [[nodiscard]] std::string_view model_of(const Match& match) const noexcept {
    return model_variable ? match.variables[*model_variable] : std::string_view();
  }
  [[nodiscard]] const Forward* forward() const noexcept { return std::get_if<Forward>(&action); }
  [[nodiscard]] const Redirect* redirect() const noexcept { return std::get_if<Redirect>(&action); }
  [[nodiscard]] const FixedReply* reply() const noexcept { return std::get_if<FixedReply>(&action); }
};

}  // namespace postern::route
