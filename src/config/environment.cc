// Reads variables and files. Regular files and pipes (as `/dev/fd/N` gives) alike; sizes are limited while reading.
#include "config/environment.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace postern::config {
namespace {

constexpr std::size_t kLargestValue = 1 << 20;

std::string reason(int error) { return std::generic_category().message(error); }

bool read_descriptor(int fd, std::size_t limit, std::string& content, std::string& error) {
  struct stat status {};
  if (::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
    error = reason(EISDIR);
    return false;
  }
  char buffer[16384];
  while (true) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count == 0) return true;
    if (count < 0) {
      if (errno == EINTR) continue;
      error = reason(errno);
      return false;
    }
    if (content.size() + static_cast<std::size_t>(count) > limit) {
      error = fmt::format("larger than {} bytes", limit);
      return false;
    }
    content.append(buffer, static_cast<std::size_t>(count));
  }
}

bool read_file(const std::string& path, std::size_t limit, std::string& content, std::string& error) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    error = reason(errno);
    return false;
  }
  const bool read = read_descriptor(fd, limit, content, error);
  ::close(fd);
  return read;
}

std::optional<std::string> read_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

}  // namespace

Environment Environment::process() { return {read_variable, read_file}; }

std::string resolve_path(const std::string& directory, const std::string& path) {
  return path.empty() || path.front() == '/' ? path : directory + path;
}

bool resolve_text(const Environment& environment, const std::string& directory, std::string& text, bool& indirect,
                  std::string& error) {
  constexpr std::string_view kVariable = "env:";
  constexpr std::string_view kFile = "file:";
  if (text.starts_with(kVariable)) {
    indirect = true;
    const std::string name = text.substr(kVariable.size());
    const bool nameable = !name.empty() && name.find_first_of(std::string_view("=\0", 2)) == std::string::npos;
    const auto value = nameable && environment.variable ? environment.variable(name) : std::nullopt;
    if (!value) error = fmt::format("environment variable \"{}\" is not set", name);
    if (value) text = *value;
    return value.has_value();
  }
  if (!text.starts_with(kFile)) return true;
  indirect = true;
  const std::string path = resolve_path(directory, text.substr(kFile.size()));
  std::string content;
  error = "not a file name";
  const bool readable = !path.empty() && path.find('\0') == std::string::npos && environment.read;
  if (!readable || !environment.read(path, kLargestValue, content, error)) {
    error = fmt::format("cannot read \"{}\": {}", path, error);
    return false;
  }
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  text = std::move(content);
  return true;
}

}  // namespace postern::config
