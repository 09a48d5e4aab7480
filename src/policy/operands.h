// One test of an expression: which operators a fact's type has, and what operands they take. A part of the parser;
// throws SyntaxError where types do not fit.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/lexer.h"
#include "policy/parser.h"
#include "policy/program.h"

namespace postern::policy {

/// The fact that `name` means; throws with a suggestion when there is none.
const FactKind& fact_of(const ParseContext& context, const Token& name, std::string& parameter);

class OperandParser {
 public:
  static constexpr std::size_t kMaxList = 10'000;

  /// `token`: the parser's next one, right after the fact's name; it is moved on.
  OperandParser(ParseContext& context, Lexer& lexer, Token& token)
      : context_(context), program_(context.program), lexer_(lexer), token_(token) {}

  Test parse(const Token& name);
  /// Where the test's text ends.
  [[nodiscard]] std::size_t until() const noexcept { return until_; }

 private:
  struct Operator {
    std::string name;
    std::size_t at = 0;
  };
  Operator parse_operator();
  void parse_comparison(Test& test, const Operator& op);
  void parse_window(Test& test);
  void parse_other(Test& test, const Operator& op);
  std::vector<Token> literals(bool many);
  std::span<const std::string_view> words_of(const FactKind& fact) const;
  void add_texts(Test& test, std::vector<Token> tokens);
  void add_numbers(Test& test, const std::vector<Token>& tokens);
  void add_networks(Test& test, const std::vector<Token>& tokens);
  void add_regexes(Test& test, const std::vector<Token>& tokens);
  Token take();
  Token take_text(std::string_view what);

  ParseContext& context_;
  Program& program_;
  Lexer& lexer_;
  Token& token_;
  std::size_t until_ = 0;
};

}  // namespace postern::policy
