// An expression's words. Used by the parser while a config is loaded; throws SyntaxError.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::policy {

struct Token {
  enum class Kind : std::uint8_t { end, name, text, number, duration, symbol };
  Kind kind = Kind::end;
  std::string text;       // name: quotes within it removed; text: what it stands for; else as written
  double number = 0;      // number; duration: seconds
  std::size_t at = 0;     // first byte
  std::size_t until = 0;  // one after the last

  [[nodiscard]] bool is(std::string_view symbol) const { return kind == Kind::symbol && text == symbol; }
  [[nodiscard]] bool is_word(std::string_view word) const { return kind == Kind::name && text == word; }
};

class Lexer {
 public:
  static constexpr std::size_t kMaxText = 4096;  // of one literal

  explicit Lexer(std::string_view source);

  /// Token::Kind::end, again and again, once there is nothing left.
  Token next();

 private:
  Token name();
  Token number();
  Token symbol();
  std::string quoted();
  void skip_spaces();
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }

  std::string_view source_;
  std::size_t at_ = 0;
};

}  // namespace postern::policy
