// The table's root part, and what turns the parts into one tree.
#include "config/schema.h"

#include <algorithm>
#include <array>

#include "config/schema_bind.h"
#include "config/syntax.h"

namespace postern::config {
namespace {

// Words stand in the order of their enum.
constexpr std::array<std::string_view, 3> kEngines{"auto", "epoll", "io_uring"};

constexpr std::array kSections{
    bind::same("", "The process as a whole."),
    bind::same("admin", "Metrics, health and readiness: /metrics, /healthz, /readyz."),
    bind::same("shutdown", "What SIGTERM does."),
};

constexpr std::array kKeys{
    KeySpec{.path = "workers",
            .bind = bind::integer<&Settings::workers>,
            .fallback = "0",
            .max = 1024,
            .doc = "Worker threads, each with its own listeners and pools; 0: one per CPU that the process may use."},
    KeySpec{.path = "engine",
            .bind = bind::word<&Settings::engine>,
            .fallback = "auto",
            .words = kEngines,
            .doc = "How sockets are waited for; auto takes what costs less here and falls back where io_uring is "
                   "forbidden."},
    KeySpec{.path = "admin.listen",
            .bind = bind::string<&Settings::admin_listen>,
            .fallback = "127.0.0.1:9180",
            .check = {check_optional_bind_address, "an address such as \"127.0.0.1:9180\", or \"\" for none"},
            .doc = "Where the admin server listens; empty: nowhere. It asks for no password, so keep it private."},
    KeySpec{.path = "shutdown.drain_timeout",
            .bind = bind::duration<&Settings::drain_timeout>,
            .fallback = "30s",
            .max = 86'400'000,
            .doc = "How long requests in flight may take to end before their connections are closed."},
};

void add_children(Section& section, std::span<const SchemaPart> parts) {
  const std::string_view path = section.spec->path;
  for (const SchemaPart& part : parts) {
    for (const KeySpec& key : part.keys) {
      if (parent_of(key.path) == path) section.keys.push_back(&key);
    }
    for (const SectionSpec& spec : part.sections) {
      if (spec.path.empty() || parent_of(spec.path) != path) continue;
      section.sections.push_back({&spec, {}, {}});
      add_children(section.sections.back(), parts);
    }
  }
}

}  // namespace

SchemaPart root_schema() { return {kSections, kKeys}; }

std::vector<SchemaPart> schema_parts() {
  return {
      root_schema(),       //
      listener_schema(),   //
      upstream_schema(),   //
      balance_schema(),    //
      health_schema(),     //
      discovery_schema(),  //
      route_schema(),      //
      identity_schema(),   //
      policy_schema(),     //
      audit_schema(),      //
      logs_schema(),       //
      failures_schema(),   //
      trace_schema(),      //
      drift_schema(),      //
      daemon_schema(),     //
  };
}

Section schema() {
  const std::vector<SchemaPart> parts = schema_parts();
  Section root{&kSections.front(), {}, {}};
  add_children(root, parts);
  return root;
}

std::string_view name_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  if (dot != std::string_view::npos) path.remove_prefix(dot + 1);
  if (path.ends_with("[]")) path.remove_suffix(2);
  return path;
}

std::string_view parent_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
}

void set_defaults(const Section& section, void* object) {
  for (const KeySpec* key : section.keys) {
    Value value;
    if (parse_value(*key, key->fallback, value)) key->bind.set(object, std::move(value));
  }
  for (const Section& child : section.sections) {
    if (child.spec->occurs == Occurs::once) set_defaults(child, child.spec->open(object));
  }
}

}  // namespace postern::config
