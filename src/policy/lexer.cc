#include "policy/lexer.h"

#include <fmt/format.h>

#include <charconv>

#include "config/units.h"
#include "policy/syntax_error.h"
#include "policy/utf8.h"

namespace postern::policy {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
// Claims have names such as "cognito:groups" and "x-team"; there is no operator that either could be.
bool is_in_name(char c) { return begins_name(c) || is_digit(c) || c == '-' || c == ':'; }

std::string shown(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte < 0x7F ? fmt::format("\"{}\"", c) : fmt::format("byte 0x{:02X}", byte);
}

}  // namespace

Lexer::Lexer(std::string_view source) : source_(source) {
  if (!is_utf8(source)) throw SyntaxError(0, "not UTF-8");
}

void Lexer::skip_spaces() {
  while (at_ < source_.size() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
}

Token Lexer::next() {
  skip_spaces();
  const std::size_t from = at_;
  Token token;
  if (at_ < source_.size()) {
    if (begins_name(peek())) {
      token = name();
    } else if (is_digit(peek()) || (peek() == '-' && is_digit(peek(1)))) {
      token = number();
    } else if (peek() == '"' || peek() == '\'') {
      token.kind = Token::Kind::text;
      token.text = quoted();
    } else {
      token = symbol();
    }
  }
  token.at = from;
  token.until = at_;
  return token;
}

// "a.b", and where a part holds other characters: a."https://b".
Token Lexer::name() {
  Token token;
  token.kind = Token::Kind::name;
  for (;;) {
    if (peek() == '"' || peek() == '\'') {
      token.text += quoted();
    } else {
      const std::size_t from = at_;
      while (is_in_name(peek())) ++at_;
      if (at_ == from) throw SyntaxError(at_, "a name ends with a dot");
      token.text += source_.substr(from, at_ - from);
    }
    if (peek() != '.') return token;
    ++at_;
    token.text += '.';
  }
}

Token Lexer::number() {
  const std::size_t from = at_;
  ++at_;
  while (is_digit(peek()) || begins_name(peek()) || peek() == '.') ++at_;
  Token token{.kind = Token::Kind::number, .text = std::string(source_.substr(from, at_ - from))};
  if (const auto duration = config::parse_duration(token.text)) {
    token.kind = Token::Kind::duration;
    token.number = static_cast<double>(*duration) / 1000;
    return token;
  }
  const char* const end = token.text.data() + token.text.size();
  const auto [stop, error] = std::from_chars(token.text.data(), end, token.number, std::chars_format::fixed);
  if (error != std::errc() || stop != end)
    throw SyntaxError(from, fmt::format("\"{}\" is neither a number nor a duration", token.text), "42, 0.5 or 15m");
  return token;
}

Token Lexer::symbol() {
  Token token;
  token.kind = Token::Kind::symbol;
  for (const std::string_view two : {"==", "!=", "<=", ">="}) {
    if (source_.substr(at_, 2) == two) token.text = two;
  }
  if (token.text.empty() && std::string_view("<>()[],").find(peek()) != std::string_view::npos) token.text = peek();
  if (token.text.empty()) {
    const std::string_view rest = source_.substr(at_);
    if (rest.starts_with("&&")) throw SyntaxError(at_, "\"&&\" is no operator", {}, "and");
    if (rest.starts_with("||")) throw SyntaxError(at_, "\"||\" is no operator", {}, "or");
    if (rest.starts_with("!")) throw SyntaxError(at_, "\"!\" is no operator", {}, "not");
    if (rest.starts_with("=")) throw SyntaxError(at_, "\"=\" is no operator", {}, "==");
    throw SyntaxError(at_, shown(peek()) + " has no meaning here");
  }
  at_ += token.text.size();
  return token;
}

// In double quotes, \" and \\ stand for the second sign; every other backslash is one, as regular expressions want it.
std::string Lexer::quoted() {
  const std::size_t from = at_;
  const char quote = source_[at_++];
  std::string text;
  for (; at_ < source_.size() && peek() != quote; ++at_) {
    const char c = peek();
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) throw SyntaxError(at_, "a control character in a text");
    if (c == '\\' && quote == '"' && (peek(1) == '"' || peek(1) == '\\')) ++at_;
    text += peek();
  }
  if (at_ >= source_.size()) throw SyntaxError(from, "a text without its closing quote");
  ++at_;
  if (text.empty())
    throw SyntaxError(from, "an empty text, which nothing equals", "`... exists` asks whether there is one");
  if (text.size() > kMaxText) throw SyntaxError(from, fmt::format("a text of more than {} bytes", kMaxText));
  return text;
}

}  // namespace postern::policy
