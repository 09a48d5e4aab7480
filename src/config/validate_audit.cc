// Cross checks on the audit trail and on limits: streams that do not get in each other's way, records that have a
// stream, limits that limit something, and routes that name those that there are.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/nearest.h"
#include "config/validate.h"

namespace postern::config {
namespace {

constexpr std::uint64_t kLeastRotateSize = 64 << 10;  // a file that only holds its first line and its last helps nobody
constexpr std::size_t kMostStreams = 32;
constexpr std::size_t kMostLimits = 8;  // of one route

/// Says where a value has been before.
class Seen {
 public:
  Seen(const Origins& origins, Report& report, std::string_view what)
      : origins_(origins), report_(report), what_(what) {}

  void add(const std::string& value, const std::string& key) {
    if (value.empty() || report_.is_faulty(key)) return;
    const auto [first, is_new] = keys_.try_emplace(value, key);
    if (!is_new) report_.add(key, fmt::format("{} as in line {}", what_, origins_.find(first->second).line));
  }
  [[nodiscard]] bool has(const std::string& value) const { return keys_.contains(value); }

 private:
  const Origins& origins_;
  Report& report_;
  const std::string_view what_;
  std::unordered_map<std::string, std::string> keys_;
};

class AuditCheck {
 public:
  AuditCheck(const Settings& settings, const Origins& origins, Report& report)
      : settings_(settings),
        report_(report),
        names_(origins, report, "the same name"),
        files_(origins, report, "the same file"),
        listeners_(origins, report, "the same listener") {
    for (const Listener& listener : settings.listeners) known_.push_back(listener.name);
  }

  void check_streams() {
    if (settings_.audit.size() > kMostStreams) {
      report_.add(item("audit", kMostStreams), fmt::format("more than {} streams", kMostStreams));
    }
    for (std::size_t i = 0; i < settings_.audit.size(); ++i) {
      const std::string path = item("audit", i);
      if (!report_.is_faulty(path)) check_stream(settings_.audit[i], path);
    }
  }

  void check_routes() {
    if (report_.is_faulty("audit")) return;
    for (std::size_t i = 0; i < settings_.routes.size(); ++i) {
      const Route& route = settings_.routes[i];
      const std::string key = item("route", i) + ".audit";
      if (route.audit == RouteAudit::off || report_.is_faulty(item("route", i)) || report_.is_faulty(key)) continue;
      if (settings_.audit.empty()) {
        report_.add(key, "there is no [[audit]] stream that could record it");
        continue;
      }
      const std::vector<std::string>& served = route.listeners.empty() ? known_ : route.listeners;
      const auto silent = std::ranges::find_if(served, [this](const std::string& name) { return !has_stream(name); });
      if (silent != served.end()) {
        report_.add(key, fmt::format("no [[audit]] stream records the listener \"{}\"", *silent),
                    "a stream that names it, or one without listeners");
      }
    }
  }

 private:
  void check_stream(const AuditStream& stream, const std::string& path) {
    names_.add(stream.name, path + ".name");
    files_.add(stream.file, path + ".file");
    if (!stream.file.empty() && stream.file == settings_.access_log.path && !report_.is_faulty(path + ".file")) {
      report_.add(path + ".file", "the access log's file");
    }
    const std::string listeners = path + ".listeners";
    if (!report_.is_faulty(listeners)) check_listeners(stream, listeners);
    const bool rotates = stream.rotate_size != 0 || stream.rotate_daily;
    if (stream.rotate_size != 0 && stream.rotate_size < kLeastRotateSize) {
      report_.add(path + ".rotate_size", "too small", "0, or 64KiB and more");
    }
    if (stream.keep != 0 && !rotates) {
      report_.add(path + ".keep", "has no effect without rotate_size or rotate_daily");
    }
  }

  void check_listeners(const AuditStream& stream, const std::string& key) {
    if (stream.listeners.empty()) {
      if (std::exchange(has_rest_, true)) report_.add(key, "missing: another stream has all that are not named");
      return;
    }
    for (const std::string& name : stream.listeners) {
      if (std::ranges::find(known_, name) == known_.end()) {
        const std::vector<std::string_view> all(known_.begin(), known_.end());
        report_.add(key, fmt::format("no listener named \"{}\"", name), {}, nearest(name, all));
      } else {
        listeners_.add(name, key);
      }
    }
  }

  [[nodiscard]] bool has_stream(const std::string& listener) const { return has_rest_ || listeners_.has(listener); }

  const Settings& settings_;
  Report& report_;
  Seen names_, files_, listeners_;
  std::vector<std::string> known_;
  bool has_rest_ = false;
};

void check_limit(const Limit& limit, const std::string& path, Report& report) {
  if (limit.requests == 0 && limit.body_bytes == 0 && limit.concurrent == 0 && !report.is_faulty(path + ".requests") &&
      !report.is_faulty(path + ".body") && !report.is_faulty(path + ".concurrent")) {
    report.add(path, "it limits nothing", "requests, body or concurrent");
  }
  if (limit.burst != 0 && limit.requests == 0 && !report.is_faulty(path + ".requests")) {
    report.add(path + ".burst", "has no effect without requests");
  }
}

void check_route_limits(const Settings& settings, bool is_complete, Report& report) {
  std::vector<std::string_view> known;
  for (const Limit& limit : settings.limits) known.push_back(limit.name);
  for (std::size_t i = 0; i < settings.routes.size(); ++i) {
    const std::string key = item("route", i) + ".access.limits";
    if (!settings.routes[i].access || report.is_faulty(item("route", i)) || report.is_faulty(key)) continue;
    const std::vector<std::string>& names = settings.routes[i].access->limits;
    if (names.size() > kMostLimits) report.add(key, fmt::format("more than {} limits", kMostLimits));
    for (const std::string& name : names) {
      if (!is_complete || std::ranges::find(known, name) != known.end()) continue;
      report.add(key, fmt::format("no limit named \"{}\"", name), {}, nearest(name, known));
    }
  }
}

}  // namespace

void validate_audit(const Settings& settings, const Origins& origins, Report& report) {
  AuditCheck check(settings, origins, report);
  check.check_streams();
  check.check_routes();
}

void validate_limits(const Settings& settings, const Origins& origins, Report& report) {
  Seen names(origins, report, "the same name");
  bool is_complete = !report.is_faulty("limit");
  for (std::size_t i = 0; i < settings.limits.size(); ++i) {
    const std::string path = item("limit", i);
    if (report.is_faulty(path) || report.is_faulty(path + ".name")) is_complete = false;
    if (report.is_faulty(path)) continue;
    names.add(settings.limits[i].name, path + ".name");
    check_limit(settings.limits[i], path, report);
  }
  check_route_limits(settings, is_complete, report);
}

}  // namespace postern::config
