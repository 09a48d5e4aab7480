// ChainFile's part on files that are there already: what others have added, what a crash has left, what has been
// tampered with. All of it under the lock.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "audit/chain_file.h"
#include "audit/file_name.h"
#include "audit/file_tail.h"
#include "base/log.h"

namespace postern::audit {
namespace {

constexpr std::int64_t kNameInterval = 10'000'000;
constexpr std::int64_t kDay = 86'400ll * 1'000'000'000;

/// False: the line is not one of the chain's.
bool take_on(const Line& line, GroupHash& group, crypto::Sha256& hash, std::string& open) {
  if (!line.ends_group()) {
    group.add(line);
    open += line.hashed;
    open += '\n';
    return open.size() < kGroupBytes + kMaxLine;
  }
  if (!group.fits(line)) return false;
  hash = hash_from(line.hash);
  open.clear();
  group.begin(hash);
  return true;
}

}  // namespace

bool ChainFile::catch_up() {
  if (fd_ < 0) return adopt();
  struct stat named {
  }, open{};
  if (::fstat(fd_, &open) != 0) return fail("cannot look at " + settings_.file);
  // Another process of ours that has rotated the file has said so in it. What others do to its name is seen in time.
  const std::int64_t now = clock_();
  const bool has_seen_name = now >= looked_at_name_ && now < looked_at_name_ + kNameInterval;
  if (static_cast<std::uint64_t>(open.st_size) == size_ && has_seen_name) return true;
  looked_at_name_ = now;
  const bool is_ours =
      ::stat(settings_.file.c_str(), &named) == 0 && named.st_dev == open.st_dev && named.st_ino == open.st_ino;
  if (!is_ours) {  // rotated by another process of ours, or moved by somebody
    drop_file();
    return adopt();
  }
  const auto size = static_cast<std::uint64_t>(open.st_size);
  if (size == size_) return true;
  return size > size_ ? read_on(size) : note_shrunk(size);
}

// What another process of ours has appended follows our last line; anything else does not belong there. Lines that it
// has not ended with a hash, because it was killed, are part of our next group.
bool ChainFile::read_on(std::uint64_t size) {
  std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(size - size_, std::uint64_t{1} << 20)), '\0');
  std::uint64_t at = size_, seq = lines_.position().seq;
  crypto::Sha256 hash = lines_.position().hash;
  std::string open;
  GroupHash group;
  group.begin(hash);
  while (at < size) {
    const ssize_t n = ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n <= 0) return fail("cannot read " + settings_.file);
    std::string_view rest(bytes.data(), static_cast<std::size_t>(n));
    bool has_line = false;
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      const std::optional<Line> line = parse_line(rest.substr(0, end));
      if (!line || line->seq != ++seq || !take_on(*line, group, hash, open)) {
        return set_aside("lines were added to it that do not follow");
      }
      at += end + 1;
      rest.remove_prefix(end + 1);
      has_line = true;
    }
    if (!has_line) break;
  }
  size_ = at;
  lines_.follow(lines_.chain(), seq, hash, open);
  return at == size || cut_torn(at, size - at);
}

bool ChainFile::note_shrunk(std::uint64_t size) {
  log::error("audit: the file has been cut", {{"path", settings_.file}, {"was", size_}, {"is", size}});
  const std::uint64_t missing = size_ - size;
  size_ = size;
  if (size == 0) {
    beginning_ = Beginning{Begin::moved, {}, "the file has been emptied"};
    return start_file();
  }
  char last = '\n';
  if (::pread(fd_, &last, 1, static_cast<off_t>(size - 1)) != 1) return fail("cannot read " + settings_.file);
  if (last != '\n') {  // what is left of a line stays as it is, for the verifier to see
    if (::write(fd_, "\n", 1) != 1) return fail("cannot write " + settings_.file);
    ++size_;
  }
  lines_.add_shrunk(missing);
  return write_batch();
}

// The file of that name is opened, and made where there is none.
bool ChainFile::adopt() {
  fd_ = ::open(settings_.file.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  struct stat status {};
  if (fd_ < 0 || ::fstat(fd_, &status) != 0) return fail("cannot open " + settings_.file);
  if (!S_ISREG(status.st_mode)) {
    drop_file();
    error_ = settings_.file + " is not a file";
    return false;
  }
  FileTail tail;
  size_ = static_cast<std::uint64_t>(status.st_size);
  if (!read_tail(fd_, size_, tail)) return fail("cannot read " + settings_.file);
  if (tail.is_empty) return start_file();
  if (tail.problem.empty() && tail.stream != settings_.name) tail.problem = "it belongs to the stream " + tail.stream;
  const bool is_same = has_chain_ && tail.chain == lines_.chain();
  if (is_same && tail.last_seq < lines_.position().seq) tail.problem = "it is older than what was written";
  if (!tail.problem.empty()) return set_aside(tail.problem);
  return go_on(tail);
}

bool ChainFile::go_on(const FileTail& tail) {
  // Who writes to the file holds a shared lock on it as long as he lives.
  const bool is_alone = ::flock(fd_, LOCK_EX | LOCK_NB) == 0;
  ::flock(fd_, LOCK_SH | LOCK_NB);
  lines_.follow(tail.chain, tail.last_seq, tail.last_hash, tail.open);
  const bool is_known = std::exchange(has_chain_, true);
  first_seq_ = tail.first_seq;
  day_ = tail.first_day;
  beginning_.reset();
  size_ = tail.whole_size;
  if (tail.torn != 0 && !cut_torn(tail.whole_size, tail.torn)) return false;
  if (is_known) return true;
  lines_.add_open(!is_alone ? "another" : tail.is_closed ? "close" : "crash");
  return write_batch();
}

bool ChainFile::cut_torn(std::uint64_t size, std::uint64_t bytes) {
  const std::string digest = digest_of(fd_, size, bytes);
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return fail("cannot cut " + settings_.file);
  log::warn("audit: an incomplete line was removed", {{"path", settings_.file}, {"bytes", bytes}});
  size_ = size;
  lines_.add_recovered(bytes, digest);
  return write_batch();
}

// An empty file, or one with nothing but a torn first line. Its chain is this process's, that of the last closed file,
// or a new one.
bool ChainFile::start_file() {
  if (!beginning_ && has_chain_) beginning_ = Beginning{Begin::moved, {}, {}};
  if (!beginning_) {
    const std::vector<std::string> closed = list_closed(settings_.file);
    beginning_ = Beginning{};
    lines_.start_chain();
    if (!closed.empty()) {
      FileTail tail;
      struct stat status {};
      const int fd = ::open(closed.back().c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
      const bool is_read =
          fd >= 0 && ::fstat(fd, &status) == 0 && read_tail(fd, static_cast<std::uint64_t>(status.st_size), tail);
      if (fd >= 0) ::close(fd);
      const bool is_good =
          is_read && tail.problem.empty() && !tail.is_empty && tail.open.empty() && tail.stream == settings_.name;
      if (is_good) lines_.follow(tail.chain, tail.last_seq, tail.last_hash);
      beginning_ = Beginning{is_good ? Begin::resumed : Begin::broken, name_of(closed.back()),
                             is_good ? "" : "the last closed file cannot be gone on with"};
    }
    has_chain_ = true;
  }
  if (::ftruncate(fd_, 0) != 0) return fail("cannot cut " + settings_.file);
  ::flock(fd_, LOCK_SH | LOCK_NB);
  lines_.add_file(beginning_->how, beginning_->after, beginning_->problem);
  size_ = 0;
  if (!write_batch()) {
    drop_file();
    return false;
  }
  first_seq_ = lines_.position().seq;
  day_ = clock_() / kDay;
  beginning_.reset();
  sync_folder();
  return true;
}

// Nobody can go on with the file: it stays as it is, under another name, and a chain of its own begins, which says so.
bool ChainFile::set_aside(const std::string& why) {
  const std::string aside = settings_.file + '.' + closed_suffix(clock_(), first_seq_) + ".broken";
  drop_file();
  if (!rename_to_new(settings_.file, aside)) return fail("cannot rename " + settings_.file);
  log::error("audit: nobody can go on with the file; a new chain begins",
             {{"path", settings_.file}, {"problem", why}, {"moved_to", aside}});
  lines_.start_chain();
  has_chain_ = true;
  beginning_ = Beginning{Begin::broken, name_of(aside), why};
  return adopt();
}

}  // namespace postern::audit
