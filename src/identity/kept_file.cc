#include "identity/kept_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "crypto/pem_file.h"

namespace postern::identity {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const noexcept { return fd_; }

 private:
  const int fd_;
};

std::string failed(const char* what, const std::string& path) {
  return std::string("cannot ") + what + " " + path + ": " + std::strerror(errno);
}

bool write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

// Whoever could read the old file can read the new one: root may change a file that belongs to the service.
void keep_owner(int fd, const std::string& path) noexcept {
  struct stat old {};
  if (::stat(path.c_str(), &old) != 0 || (old.st_uid == ::geteuid() && old.st_gid == ::getegid())) return;
  if (::fchown(fd, old.st_uid, old.st_gid) != 0) errno = 0;  // not root: then the file was ours anyway
}

std::string replace(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  ::unlink(beside.c_str());
  const Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) return failed("write", beside);
  keep_owner(file.get(), path);
  if (!write_all(file.get(), text) || ::fsync(file.get()) != 0) {
    std::string error = failed("write", beside);
    ::unlink(beside.c_str());
    return error;
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) return failed("write", path);
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Descriptor directory(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) ::fsync(directory.get());
  return {};
}

bool is_missing(const std::string& path) noexcept {
  struct stat info {};
  return ::stat(path.c_str(), &info) != 0 && errno == ENOENT;
}

}  // namespace

std::string change_kept_file(const std::string& role, const std::string& path, IfMissing if_missing,
                             const std::function<std::string(std::string& text)>& change) {
  if (if_missing == IfMissing::fail && is_missing(path)) return "no " + role + " " + path;
  const std::string lock = path + ".lock";
  const Descriptor held(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (held.get() < 0) return failed("open", lock);
  while (::flock(held.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return failed("lock", lock);
  }
  std::string text;
  if (!is_missing(path)) {  // another writer may have made it while we waited
    crypto::Loaded<std::string> read = crypto::read_small_file(role, path);
    if (!read) return read.error;
    text = std::move(*read.value);
  }
  if (std::string minds = change(text); !minds.empty()) return minds;
  if (text.size() > kMostKeptFile) return role + " " + path + " would be larger than 16 MiB";
  return replace(path, text);
}

}  // namespace postern::identity
