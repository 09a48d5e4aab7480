#include "policy/parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/nearest.h"
#include "policy/operands.h"
#include "policy/syntax_error.h"

namespace postern::policy {
namespace {

std::string shown(const Token& token) {
  if (token.kind == Token::Kind::end) return "the end";
  return token.kind == Token::Kind::text ? "a text" : fmt::format("\"{}\"", token.text);
}

std::string_view checked(std::string_view source) {
  if (source.size() > Parser::kMaxSource) throw SyntaxError(0, fmt::format("longer than {} bytes", Parser::kMaxSource));
  return source;
}

}  // namespace

Parser::Parser(ParseContext context, std::string_view source)
    : context_(context), source_(checked(source)), lexer_(source_), token_(lexer_.next()) {}

std::uint32_t Parser::parse() {
  if (token_.kind == Token::Kind::end) throw SyntaxError(0, "an empty expression");
  const std::uint32_t root = parse_or(0);
  if (token_.kind != Token::Kind::end)
    throw SyntaxError(token_.at, fmt::format("{} where the expression could end", shown(token_)), "and, or");
  return root;
}

Token Parser::take() {
  Token token = std::move(token_);
  token_ = lexer_.next();
  return token;
}

void Parser::expect(std::string_view symbol) {
  if (!token_.is(symbol)) throw SyntaxError(token_.at, fmt::format("{} instead of \"{}\"", shown(token_), symbol));
  take();
}

std::uint32_t Parser::add(const Node& node) {
  context_.program.nodes.push_back(node);
  return static_cast<std::uint32_t>(context_.program.nodes.size() - 1);
}

std::uint32_t Parser::gather(Node::Op op, const std::vector<std::uint32_t>& children) {
  if (children.size() == 1) return children.front();
  std::vector<Node>& nodes = context_.program.nodes;
  for (std::size_t i = 0; i + 1 < children.size(); ++i) nodes[children[i]].next = children[i + 1];
  return add({.op = op, .first = children.front()});
}

std::uint32_t Parser::parse_or(std::uint32_t depth) {
  if (depth > kMaxDepth) throw SyntaxError(token_.at, fmt::format("more than {} levels deep", kMaxDepth));
  std::vector<std::uint32_t> children{parse_and(depth)};
  while (token_.is_word("or")) {
    take();
    children.push_back(parse_and(depth));
  }
  return gather(Node::Op::any, children);
}

std::uint32_t Parser::parse_and(std::uint32_t depth) {
  std::vector<std::uint32_t> children{parse_unary(depth)};
  while (token_.is_word("and")) {
    take();
    children.push_back(parse_unary(depth));
  }
  return gather(Node::Op::all, children);
}

std::uint32_t Parser::parse_unary(std::uint32_t depth) {
  if (depth > kMaxDepth) throw SyntaxError(token_.at, fmt::format("more than {} levels deep", kMaxDepth));
  if (token_.is_word("not")) {
    take();
    const std::uint32_t child = parse_unary(depth + 1);
    return add({.op = Node::Op::negate, .first = child});
  }
  if (token_.is("(")) {
    take();
    const std::uint32_t inner = parse_or(depth + 1);
    expect(")");
    return inner;
  }
  if (token_.is_word("true") || token_.is_word("false"))
    return add({.op = Node::Op::constant, .constant = to_tri(take().text == "true")});
  if (token_.is_word("policy")) return parse_call();
  return parse_test();
}

std::uint32_t Parser::parse_call() {
  take();
  expect("(");
  if (token_.kind != Token::Kind::text)
    throw SyntaxError(token_.at, fmt::format("{} instead of a policy's name in quotes", shown(token_)));
  const Token name = take();
  expect(")");
  const auto found = std::ranges::find(context_.policies, std::string_view(name.text));
  if (found == context_.policies.end()) {
    throw SyntaxError(name.at, fmt::format("no policy named \"{}\"", name.text), {},
                      std::string(config::nearest(name.text, context_.policies)));
  }
  return add({.op = Node::Op::call, .first = static_cast<std::uint32_t>(found - context_.policies.begin())});
}

std::uint32_t Parser::parse_test() {
  if (token_.kind != Token::Kind::name || token_.is_word("and") || token_.is_word("or"))
    throw SyntaxError(token_.at, fmt::format("{} where a fact should stand", shown(token_)));
  if (++tests_ > kMaxTests) throw SyntaxError(token_.at, fmt::format("more than {} tests", kMaxTests));
  const Token name = take();
  OperandParser operands(context_, lexer_, token_);
  const Test test = operands.parse(name);
  Program& program = context_.program;
  program.tests.push_back(test);
  program.test_sources.push_back(program.keep_note(source_.substr(name.at, operands.until() - name.at)));
  return add({.op = Node::Op::test, .first = static_cast<std::uint32_t>(program.tests.size() - 1)});
}

}  // namespace postern::policy
