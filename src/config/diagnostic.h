// What is wrong with a config, and where: one Diagnostic per mistake, and the source positions of every key written.
// Made by load(), printed by `postern check`, start-up and reload. Plain values, any thread.
// Never carries the content of a secret, of an environment variable or of a `file:` value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace postern::config {

/// 1-based; line 0 means that the position is not known (or that the whole file is meant).
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

struct Diagnostic {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string key;  // "listener[0].tls.client_auth"; empty: the file
  std::string message;
  std::string expected;
  std::string nearest;
};

/// `config.toml:12:3: listener[0].adress: unknown key; did you mean "address"?`
std::string to_string(const Diagnostic& diagnostic);

/// Key path to position, for every key, table and list item that the file holds.
class Origins {
 public:
  void add(std::string key, Position position) { positions_.insert_or_assign(std::move(key), position); }

  /// The key's own position, or that of the nearest table around it when the key was left to its default;
  /// the file's beginning for keys of the root.
  Position find(std::string_view key) const;

  /// Whether the file itself holds the key.
  bool has(std::string_view key) const { return positions_.contains(key); }

  std::size_t size() const { return positions_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, Position, Hash, std::equal_to<>> positions_;
};

/// "listener[0].tls" and "alpn" to "listener[0].tls.alpn"; the root is the empty string.
std::string join(std::string_view table, std::string_view key);
/// "endpoints" and 2 to "endpoints[2]".
std::string item(std::string_view list, std::size_t index);

}  // namespace postern::config
