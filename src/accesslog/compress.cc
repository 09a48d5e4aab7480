// See compress.h.
#include "accesslog/compress.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <span>
#include <vector>

namespace postern::accesslog {
namespace {

constexpr std::size_t kPiece = std::size_t{128} << 10;
constexpr int kGzipLevel = 6, kZstdLevel = 3;

class Fd {
 public:
  explicit Fd(int fd) noexcept : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }

 private:
  int fd_;
};

bool write_all(int fd, std::span<const char> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
    if (n == 0 || (n < 0 && errno != EINTR)) return false;
  }
  return true;
}

/// Takes pieces of the file, gives pieces of its compressed form to a descriptor.
class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual bool add(std::span<char> bytes, bool is_last, int out) noexcept = 0;
};

class GzipEncoder final : public Encoder {
 public:
  GzipEncoder() : buffer_(kPiece) {
    is_ready_ = deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK;  // 16: gzip
  }
  ~GzipEncoder() override {
    if (is_ready_) deflateEnd(&stream_);
  }

  bool add(std::span<char> bytes, bool is_last, int out) noexcept override {
    errno = ENOMEM;
    if (!is_ready_) return false;
    stream_.next_in = reinterpret_cast<Bytef*>(bytes.data());
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
      stream_.avail_out = static_cast<uInt>(buffer_.size());
      if (deflate(&stream_, is_last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR) return false;
      if (!write_all(out, std::span(buffer_).first(buffer_.size() - stream_.avail_out))) return false;
    } while (stream_.avail_out == 0);
    return true;
  }

 private:
  z_stream stream_{};
  bool is_ready_ = false;
  std::vector<char> buffer_;
};

class ZstdEncoder final : public Encoder {
 public:
  ZstdEncoder() : context_(ZSTD_createCCtx(), &ZSTD_freeCCtx), buffer_(kPiece) {
    if (!context_) return;
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }

  bool add(std::span<char> bytes, bool is_last, int out) noexcept override {
    errno = ENOMEM;
    if (!context_) return false;
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer output{buffer_.data(), buffer_.size(), 0};
      const std::size_t left =
          ZSTD_compressStream2(context_.get(), &output, &input, is_last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left)) return false;
      if (!write_all(out, std::span(buffer_).first(output.pos))) return false;
      if (is_last ? left == 0 : input.pos == input.size) return true;
    }
  }

 private:
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context_;
  std::vector<char> buffer_;
};

std::unique_ptr<Encoder> make_encoder(config::Compress how) {
  if (how == config::Compress::zstd) return std::make_unique<ZstdEncoder>();
  return std::make_unique<GzipEncoder>();
}

bool pump(int in, int out, config::Compress how, const std::atomic<bool>& stop) {
  const std::unique_ptr<Encoder> encoder = make_encoder(how);
  std::vector<char> piece(kPiece);
  for (;;) {
    if (stop.load(std::memory_order_relaxed)) {
      errno = ECANCELED;
      return false;
    }
    const ssize_t n = ::read(in, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (!encoder->add(std::span(piece).first(static_cast<std::size_t>(n)), n == 0, out)) return false;
    if (n == 0) return true;
  }
}

/// As readable as the file was, and not more.
bool take_over_rights(int in, int out) noexcept {
  struct stat status {};
  if (::fstat(in, &status) != 0) return false;
  // Another group is fine to fail: then nobody but the owner may read what a group could.
  const bool same_group = ::fchown(out, static_cast<uid_t>(-1), status.st_gid) == 0;
  return ::fchmod(out, status.st_mode & (same_group ? 0777U : 0700U)) == 0;
}

}  // namespace

bool compress_file(const std::string& from, const std::string& to, config::Compress how,
                   const std::atomic<bool>& stop) {
  const Fd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!in.is_open()) return false;
  if (::flock(in.get(), LOCK_EX | LOCK_NB) != 0) {
    errno = EBUSY;
    return false;
  }
  const std::string partial = to + ".tmp";
  ::unlink(partial.c_str());
  const Fd out(::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out.is_open()) return false;
  const bool is_good = take_over_rights(in.get(), out.get()) && pump(in.get(), out.get(), how, stop) &&
                       ::fsync(out.get()) == 0 && ::rename(partial.c_str(), to.c_str()) == 0;
  if (is_good) return true;
  const int why = errno;
  ::unlink(partial.c_str());
  errno = why;
  return false;
}

}  // namespace postern::accesslog
