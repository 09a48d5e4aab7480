// The file of one stream: appends batches of lines, goes on with what an earlier process left (torn lines included),
// begins a new file when it is time, and shares it with other processes of the same config (an upgrade has two for a
// while): whoever appends holds a lock beside the file and first reads what others have added.
// Writer's thread; blocks on the disk. Failures leave a text in error() and may be tried again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "audit/line_maker.h"
#include "config/settings_audit.h"
#include "crypto/ed25519.h"

namespace postern::audit {

struct FileTail;

class ChainFile {
 public:
  /// Unix time in nanoseconds; tests pass their own.
  using Clock = std::int64_t (*)() noexcept;

  ChainFile(const config::AuditStream& settings, std::shared_ptr<const crypto::Ed25519Key> key, Clock clock);
  ~ChainFile();
  ChainFile(const ChainFile&) = delete;
  ChainFile& operator=(const ChainFile&) = delete;

  /// Lines may be made from here to end(). False: not now.
  bool begin() noexcept;
  LineMaker& lines() noexcept { return lines_; }
  /// Appends the batch. False: none of it is in the file, and the chain is where it was.
  bool write() noexcept;
  void end() noexcept;

  /// What was written is on the disk. False: perhaps not; the file is opened anew by the next begin().
  bool sync() noexcept;
  [[nodiscard]] bool is_dirty() const noexcept { return is_dirty_; }

  /// There are lines that no checkpoint covers.
  [[nodiscard]] bool is_unsealed() const noexcept { return fd_ >= 0 && lines_.position().unsealed != 0; }

  /// Other settings for the same file.
  void configure(const config::AuditStream& settings, std::shared_ptr<const crypto::Ed25519Key> key);
  /// A last checkpoint, synced.
  void close() noexcept;

  [[nodiscard]] const config::AuditStream& settings() const noexcept { return settings_; }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

 private:
  /// Why the next file will begin; kept until its first line is written.
  struct Beginning {
    Begin how = Begin::fresh;
    std::string after;    // the file before
    std::string problem;  // why the chain is a new one
  };

  bool prepare();  // begin() without its guards; throws what the library throws
  bool lock();
  bool catch_up();
  bool read_on(std::uint64_t size);
  bool note_shrunk(std::uint64_t size);
  bool adopt();
  bool go_on(const FileTail& tail);
  bool start_file();
  bool cut_torn(std::uint64_t size, std::uint64_t bytes);
  bool set_aside(const std::string& why);
  [[nodiscard]] bool is_due() const noexcept;
  bool rotate();
  void remove_expired() const noexcept;
  bool write_batch();
  void drop_file() noexcept;
  void sync_folder() const noexcept;
  bool fail(const std::string& what);  // with errno
  std::int64_t tick() noexcept;

  config::AuditStream settings_;
  std::shared_ptr<const crypto::Ed25519Key> key_;
  const Clock clock_;
  LineMaker lines_;
  int lock_ = -1;
  int fd_ = -1;
  std::uint64_t size_ = 0;       // of the file, as far as its lines have been seen
  std::uint64_t first_seq_ = 1;  // of the file
  std::int64_t day_ = 0;         // since 1970, of the file's first line
  bool has_chain_ = false;       // lines_ knows where the chain is
  std::optional<Beginning> beginning_;
  std::int64_t rotate_again_ = 0;    // Unix time; after a rotation that failed
  std::int64_t looked_at_name_ = 0;  // Unix time: the file had it then
  bool is_dirty_ = false;
  std::string error_;
};

}  // namespace postern::audit
