// Settings of one route, name by name, into indices, bits and compiled edits.
// Most mistakes were reported by the config's own checks already; those that need other parts of the config, or the
// pattern and the template together, are found here.
#include "route/compile.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/syntax.h"

namespace postern::route {
namespace {

constexpr std::size_t kMaxSegments = 64;  // also how deep match() can recurse

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

// The whole segments that every path of the route starts with.
std::string_view literal_prefix(std::string_view path) {
  const std::size_t open = path.find_first_of("{*");
  return open == std::string_view::npos ? path : path.substr(0, path.rfind('/', open) + 1);
}

// One route on its way; collects problems under its own keys.
class Compiler {
 public:
  Compiler(const config::Route& source, std::uint32_t index, CompileContext& context)
      : source_(source), index_(index), context_(context) {}

  CompiledRoute run() {
    CompiledRoute result;
    result.route.name = source_.name;
    result.route.index = index_;
    result.route.request_timeout = source_.request_timeout;
    result.route.max_body = source_.max_body;
    result.route.request_headers = edits(source_.request_headers, "request_headers");
    result.route.response_headers = edits(source_.response_headers, "response_headers");
    result.route.server_timing = source_.server_timing;
    result.conditions.route = index_;
    read_path(result.conditions);
    result.route.variable_names = {names_.variables.begin(), names_.variables.end()};
    const auto model = std::find(names_.variables.begin(), names_.variables.end(), "model");
    if (model != names_.variables.end()) {
      result.route.model_variable = static_cast<std::size_t>(model - names_.variables.begin());
    }
    read_hosts(result.conditions);
    read_listeners(result.conditions);
    read_methods(result.conditions);
    read_headers(result.conditions);
    read_action(result.route);
    return result;
  }

 private:
  void fail(std::string_view key, std::string message) {
    context_.problems.push_back({fmt::format("route[{}].{}", index_, key), std::move(message)});
  }
  void fail_all(std::string_view key, const std::vector<std::string>& errors) {
    for (const std::string& error : errors) fail(key, error);
  }

  HeaderEdits edits(const config::HeaderEdits& source, std::string_view key) {
    std::vector<std::string> errors;
    HeaderEdits compiled = HeaderEdits::compile(source, errors);
    fail_all(key, errors);
    return compiled;
  }

  TrailerList trailers(const std::vector<std::string>& source, std::string_view key) {
    std::vector<std::string> errors;
    TrailerList compiled = TrailerList::compile(source, errors);
    fail_all(key, errors);
    return compiled;
  }

  void read_path(Conditions& out) {
    config::PathPattern pattern = config::check_path_pattern(source_.path);
    if (!pattern.ok()) return fail("path", pattern.error);
    for (const config::PathSegment& segment : pattern.segments) {
      if (segment.kind == config::PathSegment::Kind::variable) names_.variables.push_back(segment.variable);
      names_.has_tail = segment.kind == config::PathSegment::Kind::tail;
    }
    if (names_.variables.size() > Match::kMaxVariables) {
      fail("path", fmt::format("more than {} variables", Match::kMaxVariables));
    }
    if (pattern.segments.size() > kMaxSegments) fail("path", fmt::format("more than {} segments", kMaxSegments));
    out.segments = std::move(pattern.segments);
  }

  void read_hosts(Conditions& out) {
    for (std::size_t i = 0; i < source_.hosts.size(); ++i) {
      std::string host = lower(source_.hosts[i]);
      if (const std::string wrong = config::check_host_pattern(host); !wrong.empty()) {
        fail(fmt::format("hosts[{}]", i), wrong);
      } else if (std::find(out.hosts.begin(), out.hosts.end(), host) == out.hosts.end()) {
        out.hosts.push_back(std::move(host));
      }
    }
  }

  void read_listeners(Conditions& out) {
    for (std::size_t i = 0; i < source_.listeners.size(); ++i) {
      const auto found = std::find(context_.listeners.begin(), context_.listeners.end(), source_.listeners[i]);
      if (found == context_.listeners.end()) {
        fail(fmt::format("listeners[{}]", i), fmt::format("no listener named \"{}\"", source_.listeners[i]));
      } else {
        out.listeners.push_back(static_cast<std::uint32_t>(found - context_.listeners.begin()));
      }
    }
    std::sort(out.listeners.begin(), out.listeners.end());
    out.listeners.erase(std::unique(out.listeners.begin(), out.listeners.end()), out.listeners.end());
  }

  void read_methods(Conditions& out) {
    if (source_.methods.empty()) return;
    out.methods = MethodSet();
    for (std::size_t i = 0; i < source_.methods.size(); ++i) {
      const std::string& token = source_.methods[i];
      const http::Method method = http::method_of(token);
      if (const std::string wrong = config::check_method(token); !wrong.empty()) {
        fail(fmt::format("methods[{}]", i), wrong);
      } else if (method != http::Method::other) {
        out.methods.add(MethodSet::of(method));
        if (method == http::Method::get) out.methods.add(MethodSet::of(http::Method::head));
      } else {
        add_custom(token, i, out.methods);
      }
    }
  }

  void add_custom(const std::string& token, std::size_t at, MethodSet& methods) {
    std::vector<std::string>& known = context_.custom_methods;
    auto found = std::find(known.begin(), known.end(), token);
    if (found == known.end()) {
      if (known.size() == MethodSet::kMaxCustom) {
        return fail(fmt::format("methods[{}]", at),
                    fmt::format("more than {} methods of the config's own", MethodSet::kMaxCustom));
      }
      found = known.insert(known.end(), token);
    }
    methods.add(MethodSet::custom(static_cast<unsigned>(found - known.begin())));
  }

  void read_headers(Conditions& out) {
    for (const auto& [name, value] : source_.match_headers) {
      const std::string key = "headers." + name;
      if (const std::string wrong = config::check_header_name(name); !wrong.empty()) fail(key, wrong);
      if (const std::string wrong = config::check_header_value(value); !wrong.empty()) fail(key, wrong);
      if (value.size() > Index::kLongestText) fail(key, "too long");
      const bool any = value == "*";
      out.headers.push_back({lower(name), any ? std::string() : value, any});
    }
    std::sort(out.headers.begin(), out.headers.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    const auto twice = std::adjacent_find(out.headers.begin(), out.headers.end(),
                                          [](const auto& a, const auto& b) { return a.name == b.name; });
    if (twice != out.headers.end()) fail("headers", fmt::format("\"{}\" stands there twice", twice->name));
  }

  void read_action(Route& out) {
    const int actions = int{!source_.forward.empty()} + int{!source_.redirect.empty()} + int{source_.reply.has_value()};
    if (actions != 1) return fail("forward", "a route has exactly one of forward, redirect and reply");
    if (source_.reply) {
      out.action = FixedReply{static_cast<std::uint16_t>(source_.reply->status), source_.reply->body,
                              source_.reply->content_type};
    } else if (!source_.redirect.empty()) {
      std::vector<std::string> errors;
      out.action = Redirect{static_cast<std::uint16_t>(source_.redirect_status),
                            RedirectTarget::compile(source_.redirect, names_, errors)};
      fail_all("redirect", errors);
    } else {
      out.action = read_forward();
    }
  }

  Forward read_forward() {
    Forward forward;
    if (const std::optional<std::uint32_t> upstream = context_.upstreams(source_.forward)) {
      forward.upstream = *upstream;
    } else {
      fail("forward", fmt::format("no upstream named \"{}\"", source_.forward));
    }
    forward.preserve_host = source_.preserve_host;
    forward.buffer_request = source_.buffer_request;
    forward.retry = compile_retry(source_.retry);
    if (source_.hedge) forward.hedge = compile_hedge(*source_.hedge);
    forward.deadline_header = source_.deadline_header;
    forward.on_client_fin = source_.on_client_fin;
    forward.on_disconnect = source_.on_disconnect;
    forward.websocket = source_.websocket;
    forward.grpc_web = source_.grpc_web;
    forward.websocket_idle_timeout = source_.websocket_idle_timeout;
    forward.response_timeout = source_.response_timeout;
    forward.idle_timeout = source_.idle_timeout;
    forward.request_trailers = trailers(source_.request_trailers, "request_trailers");
    forward.response_trailers = trailers(source_.response_trailers, "response_trailers");
    std::vector<std::string> errors;
    if (!source_.rewrite.empty()) {
      if (!source_.strip_prefix.empty()) errors.push_back("a route has either strip_prefix or rewrite");
      forward.path = PathRewrite::fill(source_.rewrite, names_, errors);
      fail_all("rewrite", errors);
    } else if (!source_.strip_prefix.empty()) {
      forward.path = PathRewrite::strip(source_.strip_prefix, literal_prefix(source_.path), errors);
      fail_all("strip_prefix", errors);
    }
    return forward;
  }

  const config::Route& source_;
  const std::uint32_t index_;
  CompileContext& context_;
  PatternNames names_;
};

}  // namespace

CompiledRoute compile_route(const config::Route& source, std::uint32_t index, CompileContext& context) {
  return Compiler(source, index, context).run();
}

}  // namespace postern::route
