#include "audit/file_name.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <system_error>

namespace postern::audit {

std::string closed_suffix(std::int64_t unix_ns, std::uint64_t first_seq) {
  const auto time = static_cast<std::time_t>(unix_ns / 1'000'000'000);
  std::tm parts{};
  gmtime_r(&time, &parts);
  char stamp[32], number[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &parts);
  std::snprintf(number, sizeof number, ".%012llu", static_cast<unsigned long long>(first_seq));
  return std::string(stamp) + number;
}

std::string next_closed(const std::string& path, std::int64_t unix_ns, std::uint64_t first_seq) {
  std::string name = path + '.' + closed_suffix(unix_ns, first_seq);
  const std::vector<std::string> closed = list_closed(path);
  if (closed.empty() || name_of(closed.back()) < name_of(name)) return name;
  std::tm parts{};
  ::strptime(closed.back().c_str() + path.size() + 1, "%Y%m%dT%H%M%SZ", &parts);
  return path + '.' + closed_suffix((static_cast<std::int64_t>(::timegm(&parts)) + 1) * 1'000'000'000, first_seq);
}

bool is_closed_suffix(std::string_view text) noexcept {
  constexpr std::string_view kPattern = "ddddddddTddddddZ.dddddddddddd";
  if (text.size() < kPattern.size()) return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool fits = std::ranges::equal(text.substr(0, kPattern.size()), kPattern,
                                       [&](char c, char wanted) { return wanted == 'd' ? is_digit(c) : c == wanted; });
  return fits && std::ranges::all_of(text.substr(kPattern.size()), is_digit);
}

std::vector<std::string> list_closed(const std::string& path) {
  const std::string prefix = name_of(path) + '.';
  std::vector<std::string> found;
  std::error_code error;
  std::filesystem::directory_iterator at(folder_of(path), error), end;
  for (; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    std::error_code gone;
    if (!name.starts_with(prefix) || !is_closed_suffix(std::string_view(name).substr(prefix.size()))) continue;
    if (at->symlink_status(gone).type() == std::filesystem::file_type::regular) found.push_back(at->path().string());
  }
  std::ranges::sort(found);
  return found;
}

bool rename_to_new(const std::string& from, const std::string& to) noexcept {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  return ::link(from.c_str(), to.c_str()) == 0 && ::unlink(from.c_str()) == 0;  // filesystems without the flag
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace postern::audit
