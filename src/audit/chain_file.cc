// See chain_file.h. Opening and going on with files: chain_file_open.cc.
#include "audit/chain_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "audit/file_name.h"
#include "base/clock.h"
#include "base/log.h"

namespace postern::audit {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;
constexpr int kLockPatienceMs = 2000;  // a batch takes micro- to milliseconds; who takes longer is stopped
constexpr std::int64_t kRotateAgain = 10 * kSecond;

}  // namespace

ChainFile::ChainFile(const config::AuditStream& settings, std::shared_ptr<const crypto::Ed25519Key> key, Clock clock)
    : settings_(settings), key_(std::move(key)), clock_(clock), lines_(settings.name) {
  lines_.set_key(key_.get());
}

ChainFile::~ChainFile() {
  drop_file();
  if (lock_ >= 0) ::close(lock_);
}

void ChainFile::configure(const config::AuditStream& settings, std::shared_ptr<const crypto::Ed25519Key> key) {
  settings_ = settings;
  key_ = std::move(key);
  lines_.set_key(key_.get());
}

bool ChainFile::begin() noexcept {
  error_.clear();
  try {
    if (prepare()) return true;
  } catch (const std::exception& failure) {
    error_ = failure.what();
  }
  lines_.reject();
  end();
  return false;
}

bool ChainFile::prepare() {
  tick();
  return lock() && catch_up() && (!is_due() || rotate());
}

std::int64_t ChainFile::tick() noexcept {
  const std::int64_t now = clock_();
  lines_.set_clock(now - now_ns(), now);
  return now;
}

bool ChainFile::lock() {
  if (lock_ < 0) {
    const std::string path = settings_.file + ".lock";
    lock_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW, 0640);
    if (lock_ < 0) return fail("cannot open " + path);
  }
  for (int waited = 0;; ++waited) {
    if (::flock(lock_, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK && errno != EINTR) return fail("cannot lock " + settings_.file + ".lock");
    if (waited >= kLockPatienceMs) {
      error_ = "another process does not let go of " + settings_.file + ".lock";
      return false;
    }
    ::poll(nullptr, 0, 1);
  }
}

void ChainFile::end() noexcept {
  if (lock_ >= 0) ::flock(lock_, LOCK_UN);
}

bool ChainFile::write() noexcept {
  try {
    if (write_batch()) return true;
  } catch (const std::exception& failure) {
    error_ = failure.what();
  }
  lines_.reject();
  return false;
}

bool ChainFile::write_batch() {
  std::string_view left = lines_.batch();
  const std::uint64_t size = left.size();
  if (size == 0) return true;
  while (!left.empty()) {
    const ssize_t n = ::write(fd_, left.data(), left.size());
    if (n > 0) {
      left.remove_prefix(static_cast<std::size_t>(n));
    } else if (n == 0 || errno != EINTR) {
      if (n == 0) errno = ENOSPC;
      const int why = errno;
      // What cannot be taken back is a torn line: whoever goes on with the file deals with it.
      if (left.size() != size && ::ftruncate(fd_, static_cast<off_t>(size_)) != 0) drop_file();
      errno = why;
      return fail("cannot write " + settings_.file);
    }
  }
  size_ += size;
  is_dirty_ = true;
  lines_.accept();
  return true;
}

bool ChainFile::sync() noexcept {
  if (!is_dirty_) return true;
  is_dirty_ = false;
  if (fd_ >= 0 && ::fdatasync(fd_) == 0) return true;
  const int why = errno;
  drop_file();  // what the kernel still shows may not be on the disk: nothing is built upon this descriptor
  errno = why;
  try {
    return fail("cannot sync " + settings_.file);
  } catch (const std::exception&) {
    return false;
  }
}

bool ChainFile::is_due() const noexcept {
  const std::int64_t now = clock_();
  if (now < rotate_again_) return false;
  return (settings_.rotate_size != 0 && size_ >= settings_.rotate_size) ||
         (settings_.rotate_daily && now / kDay > day_);
}

bool ChainFile::rotate() {
  lines_.add_checkpoint("rotate");
  if (!write_batch()) return false;
  if (settings_.sync != config::AuditSync::none && !sync()) return false;
  const std::string closed = next_closed(settings_.file, clock_(), first_seq_);
  if (!rename_to_new(settings_.file, closed)) {
    log::error("audit: cannot rotate, writing on to the old file",
               {{"path", settings_.file}, {"error", std::strerror(errno)}});
    rotate_again_ = clock_() + kRotateAgain;
    return true;
  }
  drop_file();
  beginning_ = Beginning{Begin::rotated, name_of(closed), {}};
  if (!adopt()) return false;
  remove_expired();
  return true;
}

void ChainFile::remove_expired() const noexcept {
  if (settings_.keep == 0) return;
  try {
    const std::vector<std::string> closed = list_closed(settings_.file);
    for (std::size_t i = 0; i + settings_.keep < closed.size(); ++i) ::unlink(closed[i].c_str());
  } catch (const std::exception& failure) {
    log::warn("audit: old files are not removed", {{"path", settings_.file}, {"error", failure.what()}});
  }
}

void ChainFile::close() noexcept {
  if (fd_ < 0 || !begin()) return;
  try {
    lines_.add_checkpoint("close");
    if (write_batch() && settings_.sync != config::AuditSync::none) sync();
  } catch (const std::exception& failure) {
    log::error("audit: no last checkpoint", {{"path", settings_.file}, {"error", failure.what()}});
  }
  end();
  drop_file();
}

void ChainFile::drop_file() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  is_dirty_ = false;
}

void ChainFile::sync_folder() const noexcept {
  if (settings_.sync == config::AuditSync::none) return;
  const int folder = ::open(folder_of(settings_.file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

bool ChainFile::fail(const std::string& what) {
  error_ = what + ": " + std::strerror(errno);
  return false;
}

}  // namespace postern::audit
