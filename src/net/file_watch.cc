#include "net/file_watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <utility>

namespace postern::net {
namespace {

constexpr std::uint32_t kEvents = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_DELETE | IN_ATTRIB |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr int kMostLinks = 16;

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// The target of a symbolic link, as a path that can be opened from here; empty when `path` is no link.
std::string link_target(const std::string& path) {
  std::array<char, PATH_MAX> target{};
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  if (size <= 0) return {};
  std::string text(target.data(), static_cast<std::size_t>(size));
  return text.front() == '/' ? text : directory_of(path) + "/" + text;
}

// Every directory in which a change could give `file` another content: that of the name, those that links lead through
// (in Kubernetes tls.crt -> ..data/tls.crt and ..data -> ..2024_01_01/), that of the real file.
void add_directories(const std::string& file, std::set<std::string>& directories) {
  std::string at = file;
  for (int links = 0; links < kMostLinks; ++links) {
    const std::string directory = directory_of(at);
    directories.insert(directory);
    const std::string directory_link = link_target(directory);
    if (!directory_link.empty()) directories.insert(directory_of(directory));
    std::string next = link_target(at);
    if (next.empty()) return;
    at = std::move(next);
  }
}

}  // namespace

FileWatch::FileWatch(std::vector<std::string> files)
    : files_(std::move(files)), fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), stamps_(files_.size()) {
  // Watches first: a change between the two is then seen twice rather than never.
  if (fd_ >= 0 && !renew_watches()) {  // no more watches (a limit), no permission: polling is the honest answer
    ::close(fd_);
    fd_ = -1;
  }
  compare();
}

FileWatch::~FileWatch() {
  if (fd_ >= 0) ::close(fd_);
}

bool FileWatch::renew_watches() {
  std::set<std::string> directories;
  for (const std::string& file : files_) add_directories(file, directories);
  std::set<int> current;
  bool all = true;
  for (std::string directory : directories) {
    int watch = -1;
    // A directory that is not there yet appears in its nearest ancestor. Adding one again gives the same descriptor.
    while ((watch = ::inotify_add_watch(fd_, directory.c_str(), kEvents)) < 0 && errno == ENOENT && directory != "/" &&
           directory != ".") {
      directory = directory_of(directory);
    }
    if (watch >= 0) current.insert(watch);
    all = all && watch >= 0;
  }
  for (const int old : watches_) {
    if (!current.contains(old)) ::inotify_rm_watch(fd_, old);
  }
  watches_ = std::move(current);
  return all;
}

FileWatch::Stamp FileWatch::stamp_of(const std::string& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

bool FileWatch::compare() {
  bool differs = false;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const Stamp now = stamp_of(files_[i]);
    differs = differs || now != stamps_[i];
    stamps_[i] = now;
  }
  return differs;
}

bool FileWatch::drain_changed() {
  if (fd_ >= 0) {
    alignas(inotify_event) std::array<char, 4096> events{};
    while (::read(fd_, events.data(), events.size()) > 0) {
    }
    renew_watches();
  }
  return compare();
}

}  // namespace postern::net
