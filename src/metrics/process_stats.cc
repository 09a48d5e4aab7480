// See process_stats.h.
#include "metrics/process_stats.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string>
#include <string_view>

namespace postern::metrics {
namespace {

std::string read_small_file(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::string text;
  std::array<char, 4096> part;
  ssize_t n = 0;
  while ((n = ::read(fd, part.data(), part.size())) > 0) text.append(part.data(), static_cast<std::size_t>(n));
  ::close(fd);
  return text;
}

/// The decimal number at a position; 0 when there is none.
std::uint64_t number_at(std::string_view text, std::size_t position) {
  std::uint64_t value = 0;
  if (position < text.size()) std::from_chars(text.data() + position, text.data() + text.size(), value);
  return value;
}

/// Words of /proc/self/stat from the third on; the second, the program's name, may hold spaces and parentheses.
std::uint64_t stat_field(std::string_view stat, int field) {
  std::size_t position = stat.rfind(')');
  for (int i = 2; i < field && position != std::string_view::npos; ++i) {
    position = stat.find(' ', position + 1);
  }
  return position == std::string_view::npos ? 0 : number_at(stat, position + 1);
}

std::optional<std::uint64_t> count_descriptors() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return std::nullopt;
  std::uint64_t entries = 0;
  while (::readdir(folder) != nullptr) ++entries;
  ::closedir(folder);
  return entries >= 3 ? entries - 3 : 0;  // ".", "..", and the folder's own
}

void read_stat(ProcessStats& stats) {
  const std::string stat = read_small_file("/proc/self/stat");
  if (stat.empty()) return;
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  stats.cpu_seconds = static_cast<double>(stat_field(stat, 14) + stat_field(stat, 15)) / ticks;
  stats.threads = stat_field(stat, 20);
  stats.virtual_bytes = stat_field(stat, 23);
  stats.resident_bytes = stat_field(stat, 24) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));

  const std::string system = read_small_file("/proc/stat");
  const std::size_t boot = system.find("btime ");
  if (boot == std::string::npos) return;
  stats.start_time =
      static_cast<double>(number_at(system, boot + 6)) + static_cast<double>(stat_field(stat, 22)) / ticks;
}

}  // namespace

ProcessStats read_process_stats() {
  ProcessStats stats;
  read_stat(stats);
  stats.open_fds = count_descriptors();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_fds = limit.rlim_cur;
  return stats;
}

}  // namespace postern::metrics
