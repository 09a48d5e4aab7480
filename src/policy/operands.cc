#include "policy/operands.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "config/nearest.h"
#include "config/units.h"
#include "policy/kinds.h"
#include "policy/syntax_error.h"
#include "policy/windows.h"

namespace postern::policy {
namespace {

using Kind = Token::Kind;

/// What an operator asks for: of a fact of these types, with one literal, a list of them, or either.
struct OperatorSpec {
  std::string_view name;
  TestOp op;
  bool negated = false;
  bool each = false;
  bool one = true;
  bool many = false;
  std::string_view types;  // letters as in letter_of()
};

constexpr std::array<OperatorSpec, 15> kOperators{{
    {.name = "==", .op = TestOp::equals, .types = "tva"},
    {.name = "!=", .op = TestOp::equals, .negated = true, .types = "tva"},
    {.name = "in", .op = TestOp::equals, .one = false, .many = true, .types = "tva"},
    {.name = "not in", .op = TestOp::equals, .negated = true, .one = false, .many = true, .types = "tva"},
    {.name = "has", .op = TestOp::equals, .each = true, .types = "lv"},
    {.name = "has_any", .op = TestOp::equals, .each = true, .one = false, .many = true, .types = "lv"},
    {.name = "has_all", .op = TestOp::has_all, .each = true, .one = false, .many = true, .types = "lv"},
    {.name = "starts_with", .op = TestOp::starts_with, .many = true, .types = "tlv"},
    {.name = "ends_with", .op = TestOp::ends_with, .many = true, .types = "tlv"},
    {.name = "matches", .op = TestOp::matches, .many = true, .types = "tlv"},
    {.name = "exists", .op = TestOp::exists, .one = false, .types = "tlvad"},
    {.name = "<", .op = TestOp::less, .types = "vd"},
    {.name = "<=", .op = TestOp::less_equal, .types = "vd"},
    {.name = ">", .op = TestOp::greater, .types = "vd"},
    {.name = ">=", .op = TestOp::greater_equal, .types = "vd"},
}};

struct TypeWords {
  char letter;
  std::string_view article_and_name;
};

TypeWords type_words(FactType type) {
  switch (type) {
    case FactType::text:
      return {'t', "a text"};
    case FactType::list:
      return {'l', "a list"};
    case FactType::values:
      return {'v', "a claim"};
    case FactType::address:
      return {'a', "an address"};
    case FactType::duration:
      return {'d', "a duration"};
    case FactType::time:
      return {'w', "the time"};
  }
  return {'?', ""};
}

std::string operators_of(char type) {
  std::string names;
  for (const OperatorSpec& spec : kOperators) {
    if (spec.types.find(type) != spec.types.npos) names += fmt::format("{}{}", names.empty() ? "" : ", ", spec.name);
  }
  return names;
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f'); }

bool has_escape(std::string_view text) {
  for (std::size_t i = text.find('%'); i != text.npos && i + 2 < text.size(); i = text.find('%', i + 1)) {
    if (is_hex(text[i + 1]) && is_hex(text[i + 2])) return true;
  }
  return false;
}

bool is_ordering(TestOp op) { return op >= TestOp::less && op <= TestOp::greater_equal; }

}  // namespace

const FactKind& fact_of(const ParseContext& context, const Token& name, std::string& parameter) {
  std::string_view rest;
  const FactKind* kind = find_kind(name.text, rest);
  if (!kind) {
    std::vector<std::string_view> known;
    for (const FactKind* each : kinds()) {
      if (each->name == name.text)
        throw SyntaxError(name.at, fmt::format("\"{}\" alone is no fact", name.text), title(*each));
      known.push_back(each->name);
    }
    throw SyntaxError(name.at, fmt::format("unknown fact \"{}\"", name.text), {},
                      std::string(config::nearest(name.text, known)));
  }
  parameter = rest;
  if (kind->parameter == "variable" && context.variables &&
      std::ranges::find(*context.variables, rest) == context.variables->end()) {
    throw SyntaxError(name.at, fmt::format("no route's path has a variable \"{}\"", rest), {},
                      std::string(config::nearest(rest, *context.variables)));
  }
  return *kind;
}

Token OperandParser::take() {
  Token token = std::move(token_);
  until_ = token.until;
  token_ = lexer_.next();
  return token;
}

Token OperandParser::take_text(std::string_view what) {
  if (token_.kind != Kind::text) throw SyntaxError(token_.at, fmt::format("{} in quotes should stand here", what));
  return take();
}

Test OperandParser::parse(const Token& name) {
  until_ = name.until;
  Test test;
  std::string parameter;
  test.fact = &fact_of(context_, name, parameter);
  if (!parameter.empty()) test.parameter = program_.keep(parameter);
  test.fold = test.fact->fold_case;
  if (test.fact->type == FactType::time)
    parse_window(test);
  else
    parse_comparison(test, parse_operator());
  return test;
}

OperandParser::Operator OperandParser::parse_operator() {
  Operator op{token_.text, token_.at};
  if (token_.kind != Kind::symbol && token_.kind != Kind::name) throw SyntaxError(token_.at, "an operator is missing");
  take();
  if (op.name == "not" && token_.is_word("in")) {
    take();
    op.name = "not in";
  }
  return op;
}

void OperandParser::parse_comparison(Test& test, const Operator& op) {
  const TypeWords type = type_words(test.fact->type);
  const auto* spec = std::ranges::find(kOperators, std::string_view(op.name), &OperatorSpec::name);
  if (spec == kOperators.end()) {
    std::vector<std::string_view> names;
    for (const OperatorSpec& each : kOperators) names.push_back(each.name);
    throw SyntaxError(op.at, fmt::format("\"{}\" is no operator", op.name), operators_of(type.letter),
                      std::string(config::nearest(op.name, names)));
  }
  if (spec->types.find(type.letter) == spec->types.npos) {
    throw SyntaxError(
        op.at, fmt::format("{} is {}, which \"{}\" does not go with", test.fact->name, type.article_and_name, op.name),
        operators_of(type.letter));
  }
  test.op = spec->op;
  test.negated = spec->negated;
  test.each = spec->each || test.fact->type == FactType::list;
  if (test.op == TestOp::exists) return;
  if (token_.kind == Kind::name && !token_.is_word("true") && !token_.is_word("false")) return parse_other(test, op);
  if (!spec->one && !token_.is("["))
    throw SyntaxError(token_.at, fmt::format("a list follows \"{}\"", op.name), "[...]");
  const std::vector<Token> tokens = literals(spec->many);
  if (test.fact->type == FactType::address) return add_networks(test, tokens);
  if (test.op == TestOp::matches) return add_regexes(test, tokens);
  if (is_ordering(test.op) || tokens.front().kind == Kind::number) return add_numbers(test, tokens);
  add_texts(test, tokens);
}

// Another fact as the operand: `path.user == subject`, `groups has path.team`.
void OperandParser::parse_other(Test& test, const Operator& op) {
  const std::size_t at = token_.at;
  if (test.op != TestOp::equals || op.name == "in" || op.name == "not in" || op.name == "has_any")
    throw SyntaxError(at, fmt::format("\"{}\" takes no other fact", op.name), "a text in quotes");
  const Token name = take();
  std::string parameter;
  test.other = &fact_of(context_, name, parameter);
  if (!parameter.empty()) test.other_parameter = program_.keep(parameter);
  const auto is_textual = [](FactType type) { return type == FactType::text || type == FactType::values; };
  if (!is_textual(test.other->type) || (!is_textual(test.fact->type) && test.fact->type != FactType::list)) {
    throw SyntaxError(at, fmt::format("{} cannot be compared with {}", type_words(test.fact->type).article_and_name,
                                      type_words(test.other->type).article_and_name));
  }
  test.fold = test.fold || test.other->fold_case;
}

std::vector<Token> OperandParser::literals(bool many) {
  const auto literal = [this] {
    const bool boolean = token_.is_word("true") || token_.is_word("false");
    if (!boolean && token_.kind != Kind::text && token_.kind != Kind::number && token_.kind != Kind::duration)
      throw SyntaxError(token_.at, "a value should stand here", "a text in quotes, a number or a duration");
    Token token = take();
    if (boolean) token.kind = Kind::text;
    return token;
  };
  if (!token_.is("[")) return {literal()};
  if (!many) throw SyntaxError(token_.at, "one value should stand here, not a list");
  take();
  if (token_.is("]")) throw SyntaxError(token_.at, "an empty list, which nothing is in");
  std::vector<Token> tokens{literal()};
  while (token_.is(",")) {
    take();
    if (token_.is("]")) break;
    tokens.push_back(literal());
    if (tokens.size() > kMaxList) throw SyntaxError(token_.at, fmt::format("a list of more than {}", kMaxList));
  }
  if (!token_.is("]")) throw SyntaxError(token_.at, "a list without its closing \"]\"");
  take();
  return tokens;
}

/// The values that a fact can have, where they can be told.
std::span<const std::string_view> OperandParser::words_of(const FactKind& fact) const {
  if (fact.name == "listener" && context_.listeners) return *context_.listeners;
  if (fact.name == "route" && context_.routes) return *context_.routes;
  return fact.words;
}

void OperandParser::add_texts(Test& test, std::vector<Token> tokens) {
  const FactKind& fact = *test.fact;
  const bool whole = test.op == TestOp::equals || test.op == TestOp::has_all;
  for (Token& token : tokens) {
    if (token.kind != Kind::text)
      throw SyntaxError(token.at, fmt::format("{} is {}", fact.name, type_words(fact.type).article_and_name),
                        fmt::format("\"{}\", in quotes", token.text));
    if (fact.escaped && has_escape(token.text))
      throw SyntaxError(token.at, fmt::format("{} is compared as decoded, without escapes", fact.name));
    if (fact.refuse && test.op != TestOp::ends_with) {
      if (const char* why = fact.refuse(token.text, whole)) throw SyntaxError(token.at, why);
    }
    const std::span<const std::string_view> words = words_of(fact);
    if (whole && !words.empty() && std::ranges::find(words, token.text) == words.end())
      throw SyntaxError(token.at, fmt::format("{} is never \"{}\"", fact.name, token.text),
                        fact.words.empty() ? std::string() : fmt::format("{}", fmt::join(words, ", ")),
                        std::string(config::nearest(token.text, words)));
    if (test.fold) token.text = lower(std::move(token.text));
  }
  std::ranges::sort(tokens, {}, &Token::text);  // evaluation searches long lists by halves
  const auto doubles = std::ranges::unique(tokens, {}, &Token::text);
  tokens.erase(doubles.begin(), doubles.end());
  test.first = static_cast<std::uint32_t>(program_.texts.size());
  test.count = static_cast<std::uint32_t>(tokens.size());
  for (const Token& token : tokens) {
    const Slice slice = program_.keep(token.text);
    test.only = {slice.at, slice.size, head_of(token.text)};
    if (tokens.size() > 1) program_.texts.push_back(test.only);
  }
}

void OperandParser::add_numbers(Test& test, const std::vector<Token>& tokens) {
  const bool duration = test.fact->type == FactType::duration;
  test.numeric = true;
  test.first = static_cast<std::uint32_t>(program_.numbers.size());
  test.count = static_cast<std::uint32_t>(tokens.size());
  if (test.op != TestOp::equals && !is_ordering(test.op))
    throw SyntaxError(tokens.front().at, "texts follow here, in quotes");
  if (!duration && test.fact->type != FactType::values)
    throw SyntaxError(tokens.front().at,
                      fmt::format("{} is {}", test.fact->name, type_words(test.fact->type).article_and_name),
                      fmt::format("\"{}\", in quotes", tokens.front().text));
  for (const Token& token : tokens) {
    std::optional<double> number;
    if (token.kind == (duration ? Kind::duration : Kind::number)) number = token.number;
    const auto quoted = duration && token.kind == Kind::text ? config::parse_duration(token.text) : std::nullopt;
    if (quoted) number = static_cast<double>(*quoted) / 1000;
    if (!number) throw SyntaxError(token.at, duration ? "no duration" : "no number", duration ? "15m" : "42");
    program_.numbers.push_back(*number);
  }
}

void OperandParser::add_networks(Test& test, const std::vector<Token>& tokens) {
  test.first = static_cast<std::uint32_t>(program_.networks.size());
  test.count = static_cast<std::uint32_t>(tokens.size());
  for (const Token& token : tokens) {
    const auto network = token.kind == Kind::text ? net::parse_cidr(token.text) : std::nullopt;
    if (!network) throw SyntaxError(token.at, "no address or network", "\"192.0.2.1\" or \"10.0.0.0/8\"");
    if (http::unmapped(network->network).size != network->network.size)
      throw SyntaxError(token.at, "IPv4 in IPv6 is compared as IPv4", "\"10.0.0.0/8\"");
    program_.networks.push_back(*network);
  }
}

void OperandParser::add_regexes(Test& test, const std::vector<Token>& tokens) {
  constexpr std::size_t kMaxPattern = 1024;
  constexpr std::int64_t kMemory = 512 * 1024;  // of one expression's automata
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_dot_nl(true);  // no byte that strangers can send makes "." miss
  options.set_case_sensitive(!test.fold);
  options.set_max_mem(kMemory);
  test.first = static_cast<std::uint32_t>(program_.regexes.size());
  test.count = static_cast<std::uint32_t>(tokens.size());
  for (const Token& token : tokens) {
    if (token.kind != Kind::text) throw SyntaxError(token.at, "a regular expression in quotes should stand here");
    if (token.text.size() > kMaxPattern)
      throw SyntaxError(token.at, fmt::format("a regular expression of more than {} bytes", kMaxPattern));
    for (std::uint32_t copy = 0; copy < program_.copies; ++copy) {
      auto regex = std::make_unique<const re2::RE2>(token.text, options);
      if (!regex->ok()) throw SyntaxError(token.at, fmt::format("not a regular expression: {}", regex->error()));
      program_.regexes.push_back(std::move(regex));
    }
  }
}

// time [between "08:00" and "18:00"] [on ["mon-fri"]] [zone "+01:00"]
void OperandParser::parse_window(Test& test) {
  test.op = TestOp::within;
  TimeWindow window;
  bool limited = false;
  if (token_.is_word("between")) {
    take();
    const Token from = take_text("a time of day");
    window.from = parse_time_of_day(from);
    if (!token_.is_word("and")) throw SyntaxError(token_.at, "between two times of day stands \"and\"");
    take();
    const Token until = take_text("a time of day");
    window.until = parse_time_of_day(until);
    if (window.from == window.until) throw SyntaxError(until.at, "the same time of day twice");
    limited = true;
  }
  if (token_.is_word("on")) {
    take();
    window.days = parse_weekdays(literals(true));
    limited = true;
  }
  if (!limited)
    throw SyntaxError(token_.at, "a time is missing", "between \"08:00\" and \"18:00\", or on [\"mon-fri\"]");
  if (token_.is_word("zone")) {
    take();
    window.offset = parse_zone(take_text("a zone"));
  }
  test.first = static_cast<std::uint32_t>(program_.windows.size());
  test.count = 1;
  program_.windows.push_back(window);
}

}  // namespace postern::policy
