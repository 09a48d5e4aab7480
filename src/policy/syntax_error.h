// What is wrong with an expression, and where. Thrown by the lexer and the parser, caught by PolicySet::compile(): load
// time only.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

namespace postern::policy {

struct SyntaxError {
  SyntaxError(std::size_t place, std::string what, std::string wanted = {}, std::string near = {})
      : at(place), message(std::move(what)), expected(std::move(wanted)), nearest(std::move(near)) {}

  std::size_t at;  // byte of the expression, from 0
  std::string message;
  std::string expected;
  std::string nearest;
};

}  // namespace postern::policy
