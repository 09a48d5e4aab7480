// An expression's text to nodes and tests of a Program. Used by PolicySet::compile() for every rule; throws
// SyntaxError, after which the Program is of no use.
//
//   or      = and {"or" and}
//   and     = unary {"and" unary}
//   unary   = "not" unary | "(" or ")" | "true" | "false" | "policy" "(" text ")" | test
//   test    = fact operator operand | fact "exists" | "time" window
// What operands a test takes is in operands.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/lexer.h"
#include "policy/program.h"

namespace postern::policy {

/// What an expression may refer to.
struct ParseContext {
  Program& program;
  const std::vector<std::string_view>& policies;  // names, in order
  // nullptr: any.
  const std::vector<std::string_view>* variables = nullptr;  // of paths
  const std::vector<std::string_view>* listeners = nullptr;
  const std::vector<std::string_view>* routes = nullptr;
};

class Parser {
 public:
  static constexpr std::size_t kMaxSource = 64 * 1024;
  static constexpr std::uint32_t kMaxDepth = 32;    // of parentheses and "not"
  static constexpr std::uint32_t kMaxTests = 1000;  // of one expression

  Parser(ParseContext context, std::string_view source);

  /// The root node of the whole text.
  std::uint32_t parse();

 private:
  std::uint32_t parse_or(std::uint32_t depth);
  std::uint32_t parse_and(std::uint32_t depth);
  std::uint32_t parse_unary(std::uint32_t depth);
  std::uint32_t parse_call();
  std::uint32_t parse_test();
  std::uint32_t gather(Node::Op op, const std::vector<std::uint32_t>& children);
  std::uint32_t add(const Node& node);
  Token take();
  void expect(std::string_view symbol);

  ParseContext context_;
  std::string_view source_;
  Lexer lexer_;
  Token token_;  // the next one
  std::uint32_t tests_ = 0;
};

}  // namespace postern::policy
