// The sampler of overload.h: /proc and the cgroup's files.
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

#include "server/overload.h"

namespace postern::server {

namespace {

constexpr std::int64_t kLimitsEveryMs = 10'000;
constexpr std::int64_t kCountEveryMs = 1'000;

/// The number that the file begins with; 0: none ("max"), or no such file.
std::uint64_t number_in(const std::string& path) {
  std::uint64_t value = 0;
  std::ifstream file(path);
  return file >> value ? value : 0;
}

std::uint64_t least(std::uint64_t a, std::uint64_t b) noexcept { return a == 0 || b == 0 ? a | b : std::min(a, b); }

/// cgroup v2: memory.max of every group from ours up to the root.
std::uint64_t limit_v2() {
  std::ifstream self("/proc/self/cgroup");
  std::uint64_t limit = 0;
  for (std::string line; std::getline(self, line);) {
    if (line.rfind("0::", 0) != 0) continue;
    std::string group = line.substr(3);
    while (!group.empty()) {
      limit = least(limit, number_in("/sys/fs/cgroup" + (group == "/" ? std::string() : group) + "/memory.max"));
      group.resize(group == "/" ? 0 : std::max<std::size_t>(group.rfind('/'), 1));
    }
  }
  return limit;
}

std::uint64_t count_folder() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (!folder) return 0;
  std::uint64_t entries = 0;
  while (::readdir(folder)) ++entries;
  ::closedir(folder);
  return entries >= 3 ? entries - 3 : 0;  // ".", "..", and the folder's own
}

}  // namespace

std::uint64_t memory_limit_of_process() {
  const auto machine =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t v1 = number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes");  // none: a number beyond reason
  return least(machine, least(limit_v2(), v1));
}

ResourceSampler::ResourceSampler() : statm_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}

ResourceSampler::~ResourceSampler() {
  if (statm_ >= 0) ::close(statm_);
}

Resources ResourceSampler::sample(std::uint64_t memory_limit, std::int64_t now_ms) {
  Resources out;
  char text[128];
  const ssize_t size = statm_ >= 0 ? ::pread(statm_, text, sizeof text, 0) : -1;
  if (size > 0) {  // the second number: resident pages
    const char* const end = text + size;
    const char* const space = std::find(static_cast<const char*>(text), end, ' ');
    if (space != end) std::from_chars(space + 1, end, out.memory);
    out.memory *= static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  if (limits_read_ms_ < 0 || now_ms - limits_read_ms_ >= kLimitsEveryMs) {
    limits_read_ms_ = now_ms;
    machine_limit_ = memory_limit_of_process();
  }
  out.memory_limit = memory_limit != 0 ? memory_limit : machine_limit_;
  count_files(now_ms);
  out.files = files_;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) out.files_limit = limit.rlim_cur;
  return out;
}

// Linux 6.2 says it as the folder's size. Before, every entry has to be read: less often.
void ResourceSampler::count_files(std::int64_t now_ms) {
  struct stat folder {};
  if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0) {
    files_ = static_cast<std::uint64_t>(folder.st_size);
    return;
  }
  if (files_counted_ms_ >= 0 && now_ms - files_counted_ms_ < kCountEveryMs) return;
  files_counted_ms_ = now_ms;
  files_ = count_folder();
}

}  // namespace postern::server
