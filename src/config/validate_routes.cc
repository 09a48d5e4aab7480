// Cross checks on routes: one action, names that exist, variables that exist, and no route that another one hides.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "config/nearest.h"
#include "config/path_pattern.h"
#include "config/validate.h"

namespace postern::config {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

/// The names that routes may point to; `complete` is false when one of them was faulty and so cannot be known.
struct Names {
  std::unordered_set<std::string_view> known;
  std::vector<std::string_view> all;
  bool complete = true;

  template <class Item>
  static Names of(const std::vector<Item>& items, const std::string& section, const Report& report) {
    Names names;
    names.complete = !report.is_faulty(section);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string path = item(section, i);
      if (report.is_faulty(path) || report.is_faulty(path + ".name")) names.complete = false;
      if (names.known.insert(items[i].name).second) names.all.push_back(items[i].name);
    }
    return names;
  }

  void check(const std::string& name, const std::string& key, std::string_view what, Report& report) const {
    if (known.contains(name) || !complete) return;
    report.add(key, fmt::format("no {} named \"{}\"", what, name), {}, nearest(name, all));
  }
};

// Everything that decides whether a route matches, in one spelling.
std::string match_key(const Route& route, const PathPattern& path) {
  std::string key = path_shape(path);
  const auto append = [&key](std::vector<std::string> items, bool fold) {
    if (fold) std::transform(items.begin(), items.end(), items.begin(), lower);
    std::sort(items.begin(), items.end());
    key += '\n';
    for (const std::string& one : items) key += one + ' ';
  };
  append(route.listeners, false);
  append(route.hosts, true);
  append(route.methods, false);
  std::vector<std::string> headers;
  for (const auto& [name, value] : route.match_headers) headers.push_back(lower(name) + '\0' + value);
  append(std::move(headers), false);
  return key;
}

class RouteCheck {
 public:
  RouteCheck(const Route& route, std::string path, Report& report)
      : route_(route), path_(std::move(path)), report_(report) {}

  void check_action() {
    const std::array<std::pair<std::string_view, bool>, 3> actions{{{"forward", !route_.forward.empty()},
                                                                    {"redirect", !route_.redirect.empty()},
                                                                    {"reply", route_.reply.has_value()}}};
    std::vector<std::string_view> taken;
    for (const auto& [name, given] : actions) {
      if (report_.is_faulty(key(name))) return;
      if (given) taken.push_back(name);
    }
    if (taken.empty()) report_.add(path_, "no action", "one of forward, redirect or [route.reply]");
    if (taken.size() > 1) {
      report_.add(key(taken[1]), fmt::format("a second action beside {}", taken[0]), "exactly one action per route");
    }
    if (taken.size() == 1) check_unused(taken[0]);
  }

  void check_rewriting(const PathPattern& pattern) {
    if (!route_.strip_prefix.empty() && !route_.rewrite.empty()) {
      report_.add(key("rewrite"), "a second change of the path beside strip_prefix");
    }
    if (!route_.strip_prefix.empty() && !begins_with(pattern, route_.strip_prefix)) {
      report_.add(key("strip_prefix"), "not the beginning of the route's path");
    }
    check_variables(pattern, "rewrite", route_.rewrite, false);
    check_variables(pattern, "redirect", route_.redirect, true);
  }

  void check_reply() {
    if (!route_.reply || report_.is_faulty(key("reply"))) return;
    const std::uint32_t status = route_.reply->status;
    const bool bodiless = status == 204 || status == 205 || status == 304;
    if (bodiless && !route_.reply->body.empty()) {
      report_.add(key("reply.body"), fmt::format("an answer with status {} has no body", status));
    }
  }

 private:
  std::string key(std::string_view name) const { return join(path_, name); }

  // What another action would use: whoever wrote it expects an effect. Values, not presence: `show` prints every key.
  void check_unused(std::string_view action) {
    const auto edits = [](const HeaderEdits& e) { return !e.set.empty() || !e.add.empty() || !e.remove.empty(); };
    const std::array<std::pair<std::string_view, bool>, 6> forwarding{
        {{"strip_prefix", !route_.strip_prefix.empty()},
         {"rewrite", !route_.rewrite.empty()},
         {"request_headers", edits(route_.request_headers)},
         {"request_trailers", !route_.request_trailers.empty()},
         {"response_trailers", !route_.response_trailers.empty()},
         {"buffer_request", route_.buffer_request}}};
    for (const auto& [name, given] : forwarding) {
      if (given && action != "forward") report_.add(key(name), "has no effect without forward");
    }
    if (action != "redirect" && route_.redirect_status != 308) {
      report_.add(key("redirect_status"), "has no effect without redirect");
    }
  }

  // Segment by segment, so that "/api" is no beginning of "/apis/*".
  static bool begins_with(const PathPattern& pattern, std::string_view prefix) {
    const PathPattern begin = check_path_pattern(prefix);
    return begin.ok() && begin.segments.size() <= pattern.segments.size() &&
           std::equal(begin.segments.begin(), begin.segments.end(), pattern.segments.begin());
  }

  void check_variables(const PathPattern& pattern, std::string_view name, const std::string& text, bool redirect) {
    std::vector<std::string_view> known;
    if (redirect) known.assign({kPathVariable, kQueryVariable, kHostVariable, kSchemeVariable});
    for (const PathSegment& segment : pattern.segments) {
      if (segment.kind == PathSegment::Kind::variable) known.push_back(segment.variable);
      if (segment.kind == PathSegment::Kind::tail) known.push_back(kTailVariable);
    }
    for (const TemplatePart& part : parse_template(text).parts) {
      if (!part.is_variable || std::find(known.begin(), known.end(), part.text) != known.end()) continue;
      report_.add(key(name), fmt::format("the path has no variable \"{}\"", part.text), {}, nearest(part.text, known));
    }
  }

  const Route& route_;
  std::string path_;
  Report& report_;
};

bool any_faulty(const Report& report, const std::string& path, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return report.is_faulty(join(path, name)); });
}

void check_names(const Route& route, const std::string& path, const Names& listeners, const Names& upstreams,
                 Report& report) {
  for (std::size_t i = 0; i < route.listeners.size(); ++i) {
    listeners.check(route.listeners[i], item(path + ".listeners", i), "listener", report);
  }
  if (!route.forward.empty()) upstreams.check(route.forward, path + ".forward", "upstream", report);
}

}  // namespace

void validate_routes(const Settings& settings, const Origins& origins, Report& report) {
  const Names listeners = Names::of(settings.listeners, "listener", report);
  const Names upstreams = Names::of(settings.upstreams, "upstream", report);
  std::unordered_map<std::string, std::string> names;
  std::unordered_map<std::string, std::string> matches;
  for (std::size_t i = 0; i < settings.routes.size(); ++i) {
    const Route& route = settings.routes[i];
    const std::string path = item("route", i);
    if (report.is_faulty(path)) continue;
    check_names(route, path, listeners, upstreams, report);
    RouteCheck check(route, path, report);
    check.check_action();
    check.check_reply();
    if (const auto [first, added] = names.try_emplace(route.name, path); !added && !route.name.empty()) {
      report.add(path + ".name",
                 fmt::format("the same name as in line {}", origins.find(first->second + ".name").line));
    }
    const PathPattern pattern = check_path_pattern(route.path);
    if (!pattern.ok() || report.is_faulty(path + ".path")) continue;
    check.check_rewriting(pattern);
    if (any_faulty(report, path, {"listeners", "hosts", "methods", "headers"})) continue;
    if (const auto [first, added] = matches.try_emplace(match_key(route, pattern), path); !added) {
      report.add(path + ".path", fmt::format("never reached: {} in line {} matches the same requests", first->second,
                                             origins.find(first->second).line));
    }
  }
}

}  // namespace postern::config
