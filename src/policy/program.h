// All policies of a config in a few flat arrays, in the order in which they are evaluated: a cache line per test, which
// are asked for together when a policy begins; what only explanations need stands apart. Written by the parser and
// PolicySet::compile(), then constant; any thread. Knows no syntax.
#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/cidr.h"
#include "policy/decision.h"
#include "policy/tri.h"
#include "postern/policy_fact.h"

namespace postern::policy {

inline constexpr std::uint32_t kNone = ~0u;

/// A part of Program::pool.
struct Slice {
  std::uint32_t at = 0;
  std::uint32_t size = 0;
};

struct Node {
  enum class Op : std::uint8_t {
    constant,
    all,     // of its children
    any,     // of its children
    negate,  // its child
    call,    // policy `first`
    test,    // test `first`
  };
  Op op = Op::constant;
  Tri constant = Tri::no;
  std::uint32_t first = kNone;  // child, policy or test
  std::uint32_t next = kNone;   // sibling
};

enum class TestOp : std::uint8_t {
  exists,
  equals,  // one of the operands; `!=`, `in`, `not in`, `has` and `has_any` are made of it
  starts_with,
  ends_with,
  matches,
  has_all,
  less,
  less_equal,
  greater,
  greater_equal,
  within,  // a TimeWindow
};

/// A text that values are compared with. Most differ in length, and then nothing else is looked at.
struct Operand {
  std::uint32_t at = 0;  // in Program::pool
  std::uint32_t size = 0;
  std::uint64_t head = 0;  // its first eight bytes; 0: it has fewer
};

/// The first eight bytes of a text that has as many.
inline std::uint64_t head_of(std::string_view text) noexcept {
  std::uint64_t head = 0;
  if (text.size() >= sizeof head) std::memcpy(&head, text.data(), sizeof head);
  return head;
}

struct alignas(64) Test {
  const FactKind* fact = nullptr;
  const FactKind* other = nullptr;  // the operand is another fact
  Slice parameter;
  Slice other_parameter;
  TestOp op = TestOp::exists;
  bool negated = false;
  bool each = false;        // of several values any will do: list operators
  bool numeric = false;     // operands are numbers
  bool fold = false;        // operands are lower case, values are made so
  std::uint32_t first = 0;  // operands: in texts, numbers, networks, windows or regexes
  std::uint32_t count = 0;
  Operand only;  // the text, where it is the only one
};
static_assert(sizeof(Test) == 64);

/// A time of day, in minutes, on weekdays (bit 0: Sunday), at an offset from UTC. `from` after `until` spans midnight,
/// and then belongs to the day on which it begins.
struct TimeWindow {
  std::uint16_t from = 0;
  std::uint16_t until = 1440;
  std::uint8_t days = 0x7F;
  std::int16_t offset = 0;  // minutes east

  [[nodiscard]] bool contains(std::int64_t seconds) const noexcept;
};

/// What a rule is called and says; parts of Program::notes.
struct RuleText {
  Slice label;  // "deny[0]"
  Slice source;
};

/// Its deny rules, then its allow rules.
struct Entry {
  Slice name;  // of Program::notes
  std::uint32_t first_rule = 0;
  std::uint32_t deny_count = 0;
  std::uint32_t allow_count = 0;
  std::uint32_t first_node = 0;
  std::uint32_t first_test = 0;
  std::uint32_t test_count = 0;
  bool authenticated = false;  // the built-in one
};

struct Program {
  std::string pool;   // operands and parameters
  std::string notes;  // names, labels and sources
  std::vector<Entry> policies;
  std::vector<std::uint32_t> rules;  // their nodes
  std::vector<RuleText> rule_texts;  // as rules
  std::vector<Node> nodes;
  std::vector<Test> tests;
  std::vector<Slice> test_sources;  // as tests, of notes; for explanations
  std::vector<Operand> texts;
  std::vector<double> numbers;
  std::vector<net::Cidr> networks;
  std::vector<TimeWindow> windows;
  std::vector<std::unique_ptr<const re2::RE2>> regexes;  // `copies` of each, one after the other
  std::uint32_t copies = 1;

  [[nodiscard]] std::string_view text(Slice slice) const noexcept { return {pool.data() + slice.at, slice.size}; }
  [[nodiscard]] std::string_view text(const Operand& operand) const noexcept {
    return {pool.data() + operand.at, operand.size};
  }
  [[nodiscard]] std::string_view note(Slice slice) const noexcept { return {notes.data() + slice.at, slice.size}; }
  Slice keep(std::string_view text) { return append(pool, text); }
  Slice keep_note(std::string_view text) { return append(notes, text); }

 private:
  static Slice append(std::string& to, std::string_view text) {
    const Slice slice{static_cast<std::uint32_t>(to.size()), static_cast<std::uint32_t>(text.size())};
    to += text;
    return slice;
  }
};

/// Evaluation. None of it allocates (a regular expression may, until it has seen its kind of text).
Tri run_test(const Program& program, const Test& test, const PolicyInput& input) noexcept;
Tri run_node(const Program& program, std::uint32_t node, const PolicyInput& input) noexcept;
Decision run_policy(const Program& program, const Entry& entry, const PolicyInput& input) noexcept;

}  // namespace postern::policy
