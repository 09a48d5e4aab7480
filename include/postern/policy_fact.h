// What policies look at. PolicyInput: a request and its caller as plain values. FactKind: one word of the policy
// language. Author's contract: a new fact is one file src/policy/fact_<name>.cc that defines a `constinit const
// FactKind k<Name>Fact`. Readers are pure, neither wait nor allocate, and leave the value unknown where they have none:
// an unknown fact lets nobody in (docs/policies.md).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/address.h"
#include "postern/principal.h"

namespace postern {

/// Views that are good for the time of one evaluation.
struct PolicyInput {
  const Principal* principal = nullptr;  // nullptr: nobody is known
  std::string_view method;
  std::string_view host;                        // as received, with or without a port; empty: none
  std::string_view path;                        // normalised, without query, as it was matched: before any rewriting
  std::span<const std::string> variable_names;  // of the route's path
  std::span<const std::string_view> variables;  // their values, in the same order
  std::string_view model;                       // as in the path, escapes included; empty: none
  http::Address client;                         // not known: a Unix socket
  std::string_view listener;
  std::string_view route;
  std::int64_t now = 0;    // seconds since 1970
  std::uint32_t core = 0;  // which copy of the regular expressions is ours
};

enum class FactType : std::uint8_t {
  text,      // one text
  list,      // texts, each tested by itself
  values,    // a claim: one text or several
  address,   // an IP address
  duration,  // seconds
  time,      // the moment of the request
};

/// What a reader found. One of the fields, by the fact's type.
struct FactValue {
  bool known = false;
  bool complete = true;  // list: false where more of them may exist than we were told
  std::string_view text;
  std::span<const std::string> list;
  std::span<const Claim> claims;
  http::Address address;
  std::int64_t seconds = 0;  // duration; time: since 1970
};

struct FactKind {
  std::string_view name;  // as policies write it
  std::string_view doc;   // one line
  FactType type = FactType::text;
  std::string_view parameter = {};               // "path" in "claims.<path>"; empty: the name stands for itself
  bool fold_case = false;                        // ASCII letters are compared in either case
  bool escaped = false;                          // percent-encoded: compared as decoded
  std::span<const std::string_view> words = {};  // the only values that it can have
  /// Why a text in a rule can never be the value (unless `whole`: its beginning); nullptr: it can. Not set: all can.
  const char* (*refuse)(std::string_view text, bool whole) noexcept = nullptr;
  /// `parameter` is what stood in its place. `out` is fresh.
  void (*read)(const PolicyInput& input, std::string_view parameter, FactValue& out) noexcept = nullptr;
};

}  // namespace postern
