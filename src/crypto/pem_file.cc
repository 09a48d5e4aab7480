#include "crypto/pem_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace postern::crypto {
namespace {

constexpr off_t kLargest = 16 << 20;

// Fills `into`, which has room for the whole file before the first byte arrives: growing would leave copies of a key
// behind in freed memory. Returns errno.
int read_into(int fd, std::string& into) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return errno;
  if (S_ISDIR(info.st_mode)) return EISDIR;
  if (info.st_size > kLargest) return EFBIG;
  // A pipe or a /proc file says 0; nothing that large comes from one.
  const std::size_t room = info.st_size > 0 ? static_cast<std::size_t>(info.st_size) + 1 : 256 * 1024;
  into.resize(room);
  std::size_t used = 0;
  while (used < room) {
    const ssize_t got = ::read(fd, into.data() + used, room - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  into.resize(used);
  return 0;
}

std::string read_named(const std::string& what, const std::string& path, std::string& into) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  const int failure = fd < 0 ? errno : read_into(fd, into);
  if (fd >= 0) ::close(fd);
  if (failure == 0) return {};
  return "cannot read " + what + " " + path + ": " + std::strerror(failure);
}

}  // namespace

Loaded<std::string> read_small_file(const std::string& what, const std::string& path) {
  std::string text;
  std::string error = read_named(what, path, text);
  if (!error.empty()) return Loaded<std::string>::failed(std::move(error));
  return Loaded<std::string>::ok(std::move(text));
}

Loaded<SecretText> read_secret_file(const std::string& what, const std::string& path) {
  SecretText text;
  std::string error = read_named(what, path, text.buffer());
  if (!error.empty()) return Loaded<SecretText>::failed(std::move(error));
  return Loaded<SecretText>::ok(std::move(text));
}

}  // namespace postern::crypto
