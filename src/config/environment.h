// Where `env:NAME` and `file:PATH` values come from; tests hand in their own. Startup and reload only.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace postern::config {

struct Environment {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  /// The file's content, up to `limit` bytes; false with a reason when it cannot be read or is larger.
  std::function<bool(const std::string& path, std::size_t limit, std::string& content, std::string& error)> read;

  /// The process's own environment and the file system.
  static Environment process();
};

/// `path` as seen from `directory` ("" or with its slash at the end) unless it is absolute.
std::string resolve_path(const std::string& directory, const std::string& path);

/// Replaces "env:NAME" and "file:PATH" by what they stand for, once: the new text is not looked at again.
/// `indirect` says whether it was one of the two. False with a reason when there is no such value.
bool resolve_text(const Environment& environment, const std::string& directory, std::string& text, bool& indirect,
                  std::string& error);

}  // namespace postern::config
