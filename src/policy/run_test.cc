// One test against one request. What is not known makes it unknown, and so does everything that cannot be compared for
// certain: a claim with several values where one is meant, a number that is none, bytes that are no UTF-8 where a
// regular expression looks. Nothing here allocates.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "policy/program.h"
#include "policy/utf8.h"

namespace postern::policy {
namespace {

/// Where texts are decoded and folded. Longer ones than this are unknown; only then, as most need neither.
constexpr std::size_t kMostScratch = 4096;
using Scratch = std::array<char, kMostScratch>;

constexpr std::uint32_t kFewTexts = 8;  // up to here, looking at each is quicker than halving

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::optional<std::string_view> rewrite(std::string_view text, bool escaped, bool fold, Scratch& scratch) noexcept {
  if (text.size() > scratch.size()) return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (escaped && c == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      c = static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    }
    scratch[size++] = fold ? lower(c) : c;
  }
  return std::string_view(scratch.data(), size);
}

/// The text as it is compared; none: too long for that.
std::optional<std::string_view> prepare(const FactKind& fact, bool fold, std::string_view text,
                                        Scratch& scratch) noexcept {
  const bool escaped = fact.escaped && text.find('%') != text.npos;
  if (!escaped && !fold) return text;
  return rewrite(text, escaped, fold, scratch);
}

std::optional<double> number_of(std::string_view text) noexcept {
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

bool compare(TestOp op, double a, double b) noexcept {
  switch (op) {
    case TestOp::less:
      return a < b;
    case TestOp::less_equal:
      return a <= b;
    case TestOp::greater:
      return a > b;
    case TestOp::greater_equal:
      return a >= b;
    default:
      return a == b;
  }
}

class TestRun {
 public:
  TestRun(const Program& program, const Test& test, const PolicyInput& input) noexcept
      : program_(program), test_(test), input_(input) {}

  Tri run() noexcept {
    FactValue value;
    test_.fact->read(input_, program_.text(test_.parameter), value);
    if (test_.op == TestOp::exists) return exists(value);
    if (!value.known) return Tri::unknown;
    const Tri result = verdict(value);
    return test_.negated ? negation(result) : result;
  }

 private:
  Tri exists(const FactValue& value) const noexcept {
    const bool some = value.known && (test_.fact->type != FactType::list || !value.list.empty());
    // Groups that could not be told may well exist.
    return some ? Tri::yes : value.complete ? Tri::no : Tri::unknown;
  }

  Tri verdict(const FactValue& value) noexcept {
    switch (test_.fact->type) {
      case FactType::text:
        return one(value.text);
      case FactType::list:
        return list(value);
      case FactType::values:
        return values(value.claims);
      case FactType::address:
        return address(value.address);
      case FactType::duration:
        return numbers(static_cast<double>(value.seconds));
      case FactType::time:
        return to_tri(program_.windows[test_.first].contains(value.seconds));
    }
    return Tri::unknown;
  }

  // Value by value, never as one text. An empty one is nobody's group.
  template <class Items, class TextOf>
  Tri each(const Items& items, TextOf text_of) noexcept {
    if (test_.op == TestOp::has_all) return all(items, text_of);
    Tri result = Tri::no;
    for (const auto& item : items) {
      const std::string_view text = text_of(item);
      if (!text.empty()) result = either(result, one(text));
      if (result == Tri::yes) break;
    }
    return result;
  }

  template <class Items, class TextOf>
  Tri all(const Items& items, TextOf text_of) noexcept {
    for (std::uint32_t i = 0; i < test_.count; ++i) {
      const std::string_view wanted = operand(i);
      if (std::ranges::none_of(items, [&](const auto& item) { return text_of(item) == wanted; })) return Tri::no;
    }
    return Tri::yes;
  }

  Tri list(const FactValue& value) noexcept {
    const bool plain = !test_.other && !test_.fold && !test_.fact->escaped;
    if (plain && test_.op == TestOp::equals && test_.count <= kFewTexts) return has_any(value);
    const Tri result = each(value.list, [](const std::string& text) -> std::string_view { return text; });
    return result == Tri::no && !value.complete ? Tri::unknown : result;
  }

  /// The commonest test of lists: whether one text of a few, which are never empty, is among them.
  Tri has_any(const FactValue& value) const noexcept {
    for (std::uint32_t i = 0; i < test_.count; ++i) {
      const Operand wanted = text_at(i);
      for (const std::string& text : value.list) {
        if (is_same(wanted, text)) return Tri::yes;
      }
    }
    return value.complete ? Tri::no : Tri::unknown;
  }

  Tri values(std::span<const Claim> claims) noexcept {
    if (test_.each) return each(claims, [](const Claim& claim) -> std::string_view { return claim.value; });
    return claims.size() == 1 ? one(claims.front().value) : Tri::unknown;
  }

  Tri address(const http::Address& address) const noexcept {
    const auto* from = program_.networks.data() + test_.first;
    return to_tri(std::any_of(from, from + test_.count, [&](const net::Cidr& c) { return c.contains(address); }));
  }

  Tri numbers(double value) const noexcept {
    for (std::uint32_t i = 0; i < test_.count; ++i) {
      if (compare(test_.op, value, program_.numbers[test_.first + i])) return Tri::yes;
    }
    return Tri::no;
  }

  Tri one(std::string_view text) noexcept {
    if (test_.numeric) {
      const auto number = number_of(text);
      return number ? numbers(*number) : Tri::unknown;
    }
    if (test_.fold && test_.op == TestOp::equals && test_.count <= kFewTexts && !test_.fact->escaped && !test_.other)
      return is_folded_operand(text);
    if (test_.fold || test_.fact->escaped) return prepared(text);
    return test_.other ? same_as_other(text) : texts(text);
  }

  // Apart: its scratch would be a part of every frame.
  [[gnu::noinline]] Tri prepared(std::string_view text) noexcept {
    Scratch scratch;
    const auto ready = prepare(*test_.fact, test_.fold, text, scratch);
    if (!ready) return Tri::unknown;
    return test_.other ? same_as_other(*ready) : texts(*ready);
  }

  /// The same without a copy: operands are lower case.
  Tri is_folded_operand(std::string_view text) const noexcept {
    if (text.size() > kMostScratch) return Tri::unknown;
    const auto same = [](char c, char wanted) { return lower(c) == wanted; };
    return any_operand([&](std::string_view operand) {
      return operand.size() == text.size() && std::equal(text.begin(), text.end(), operand.begin(), same);
    });
  }

  [[gnu::noinline]] Tri same_as_other(std::string_view text) noexcept {
    FactValue value;
    test_.other->read(input_, program_.text(test_.other_parameter), value);
    if (!value.known) return Tri::unknown;
    if (test_.other->type == FactType::values) {
      if (value.claims.size() != 1) return Tri::unknown;
      value.text = value.claims.front().value;
    }
    Scratch scratch;
    const auto ready = prepare(*test_.other, test_.fold, value.text, scratch);
    if (!ready || ready->empty()) return Tri::unknown;
    return to_tri(*ready == text);
  }

  Tri texts(std::string_view text) const noexcept {
    switch (test_.op) {
      case TestOp::equals:
        return to_tri(is_operand(text));
      case TestOp::starts_with:
        return any_operand([&](std::string_view operand) { return text.starts_with(operand); });
      case TestOp::ends_with:
        return any_operand([&](std::string_view operand) { return text.ends_with(operand); });
      case TestOp::matches:
        return matches(text);
      default:
        return Tri::unknown;
    }
  }

  const Operand& text_at(std::uint32_t i) const noexcept {
    return test_.count == 1 ? test_.only : program_.texts[test_.first + i];
  }
  std::string_view operand(std::uint32_t i) const noexcept { return program_.text(text_at(i)); }

  /// Length first, then eight bytes, then the rest: texts that differ mostly do so in the first two.
  bool is_same(const Operand& operand, std::string_view text) const noexcept {
    if (operand.size != text.size() || operand.head != head_of(text)) return false;
    const std::size_t seen = operand.head == 0 ? 0 : sizeof operand.head;
    return std::memcmp(program_.pool.data() + operand.at + seen, text.data() + seen, text.size() - seen) == 0;
  }

  template <class Predicate>
  Tri any_operand(Predicate holds) const noexcept {
    for (std::uint32_t i = 0; i < test_.count; ++i) {
      if (holds(operand(i))) return Tri::yes;
    }
    return Tri::no;
  }

  bool is_operand(std::string_view text) const noexcept {
    if (test_.count <= kFewTexts) {
      for (std::uint32_t i = 0; i < test_.count; ++i) {
        if (is_same(text_at(i), text)) return true;
      }
      return false;
    }
    std::uint32_t low = 0;
    for (std::uint32_t high = test_.count; low < high;) {
      const std::uint32_t middle = low + (high - low) / 2;
      if (operand(middle) < text)
        low = middle + 1;
      else
        high = middle;
    }
    return low < test_.count && operand(low) == text;
  }

  // "." stands for a character: bytes that are none would pass between a deny rule's signs.
  Tri matches(std::string_view text) const noexcept {
    if (!is_utf8(text)) return Tri::unknown;
    const std::uint32_t copy = input_.core % program_.copies;
    for (std::uint32_t i = 0; i < test_.count; ++i) {
      const re2::RE2& regex = *program_.regexes[test_.first + i * program_.copies + copy];
      if (regex.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0))
        return Tri::yes;
    }
    return Tri::no;
  }

  const Program& program_;
  const Test& test_;
  const PolicyInput& input_;
};

}  // namespace

Tri run_test(const Program& program, const Test& test, const PolicyInput& input) noexcept {
  return TestRun(program, test, input).run();
}

}  // namespace postern::policy
