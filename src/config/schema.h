// The one table of every config key: path, type, default, range, doc line, and its place in Settings.
// Parser, value checks, printing, the reference and the example file are all derived from it (read.cc, print.cc,
// document.cc). A new key is one entry in a schema_*.cc; a new table is one entry more. Constant data; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/settings.h"

namespace postern::config {

enum class Type : std::uint8_t { boolean, integer, size, duration, string, file_name, word, strings, name_values };

/// A key's value on its way between text and Settings. Sizes are bytes, durations milliseconds, words their index.
using Value = std::variant<bool, std::uint64_t, std::string, std::vector<std::string>, NameValues>;

/// How a key reaches its member: made by schema_bind.h from a pointer to member; `object` is the section's struct.
struct Binding {
  Type type = Type::string;
  void (*set)(void* object, Value value) = nullptr;
  Value (*get)(const void* object) = nullptr;
};

/// Says what is wrong with one value (an item, for lists); empty: nothing. `expected` is shown beside it.
struct Check {
  std::string (*run)(std::string_view text) = nullptr;
  std::string_view expected = {};
};

struct KeySpec {
  std::string_view path;  // "listener[].tls.client_auth"
  Binding bind;
  std::string_view fallback = {};  // the default, as a value's text; lists: items separated by spaces
  std::uint64_t min = 0;           // integer, size, duration
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
  std::span<const std::string_view> words = {};  // word: in the enum's order; strings: the items that are allowed
  Check check = {};                              // name_values: of the names
  Check value_check = {};                        // name_values: of the values
  bool several = false;                          // name_values: a name may have a list of values
  bool required = false;
  bool secret = false;            // never printed
  std::string_view example = {};  // TOML: stands in the example file instead of the commented default
  std::string_view doc;
};

enum class Occurs : std::uint8_t { once, optional, repeated };

/// A TOML table. `open` makes it (or finds it) in its parent's struct; `at` reads the n-th, of `count`.
struct SectionSpec {
  std::string_view path;  // "listener[].tls"; "" is the root
  Occurs occurs = Occurs::once;
  void* (*open)(void* parent) = nullptr;
  std::size_t (*count)(const void* parent) = nullptr;
  const void* (*at)(const void* parent, std::size_t index) = nullptr;
  bool required = false;
  bool in_example = true;  // false: commented out there
  std::string_view doc;
};

/// One file's share of the table.
struct SchemaPart {
  std::span<const SectionSpec> sections;
  std::span<const KeySpec> keys;
};

SchemaPart root_schema();       // schema.cc
SchemaPart logs_schema();       // schema_logs.cc
SchemaPart listener_schema();   // schema_listener.cc
SchemaPart upstream_schema();   // schema_upstream.cc
SchemaPart balance_schema();    // schema_balance.cc
SchemaPart route_schema();      // schema_route.cc
SchemaPart failures_schema();   // schema_failures.cc
SchemaPart trace_schema();      // schema_trace.cc
SchemaPart drift_schema();      // schema_drift.cc
SchemaPart daemon_schema();     // schema_daemon.cc
SchemaPart health_schema();     // schema_health.cc
SchemaPart discovery_schema();  // schema_discovery.cc
SchemaPart identity_schema();   // schema_identity.cc
SchemaPart policy_schema();     // schema_policy.cc
SchemaPart audit_schema();      // schema_audit.cc

/// All of them, in the reference's order.
std::vector<SchemaPart> schema_parts();

/// The table as a tree: a section with its keys and its sections, in the table's order.
struct Section {
  const SectionSpec* spec = nullptr;
  std::vector<const KeySpec*> keys;
  std::vector<Section> sections;
};

/// The whole tree, from the root; built on each call (under a hundred entries).
Section schema();

/// Last part of a path, without "[]": "listener[].tls.certificate[]" is "certificate".
std::string_view name_of(std::string_view path);
/// What stands before it: "listener[].tls".
std::string_view parent_of(std::string_view path);

/// Text as it stands in the table (defaults) or came from an environment variable, to a value of the key's type.
/// Returns false when the text is not of that type; ranges and checks are not applied.
bool parse_value(const KeySpec& key, std::string_view text, Value& value);
/// The value as TOML; secrets masked.
std::string format_value(const KeySpec& key, const Value& value);
/// A string as a TOML basic string, quotes included.
std::string quote(std::string_view text);

/// "an integer from 1 to 65535", "one of none, optional, required": what the type, range and check want.
std::string expected_of(const KeySpec& key);

/// Every key at its default in a section's struct that was just made.
void set_defaults(const Section& section, void* object);

}  // namespace postern::config
