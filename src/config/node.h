// A config file as a plain tree with positions, after TOML and before meaning.
// Made by load.cc (the only file that sees TOML), walked by read.cc. Startup and reload only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/diagnostic.h"

namespace postern::config {

struct Node {
  enum class Kind : std::uint8_t { boolean, integer, string, array, table, other };  // other: floats, dates

  Kind kind = Kind::other;
  bool boolean = false;
  std::int64_t integer = 0;
  Position position;           // of the key for a table's member, of the value for an array's item
  std::string key;             // a table's member only
  std::string text;            // string
  std::vector<Node> children;  // array: items; table: members in the file's order
};

}  // namespace postern::config
