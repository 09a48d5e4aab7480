// Makes the lines of one stream and carries its chain along: each line has a number, and the last of each group of
// lines the hash of the group and of the one before. Lines gather in a batch that is written as a whole; where that
// fails, the chain goes back to its start. Writer's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "audit/line.h"
#include "audit/record.h"
#include "base/json_cursor.h"
#include "crypto/ed25519.h"
#include "crypto/sha256_hasher.h"

namespace postern::audit {

/// How a file begins: docs/audit.md.
enum class Begin : std::uint8_t { fresh, rotated, resumed, moved, broken };

/// Where a chain is.
struct Position {
  std::uint64_t seq = 0;       // of the last line
  crypto::Sha256 hash{};       // of the last group that is over
  std::uint64_t unsealed = 0;  // lines behind the last checkpoint
};

class LineMaker {
 public:
  explicit LineMaker(std::string stream);

  /// nullptr: checkpoints are not signed. The key outlives its use here.
  void set_key(const crypto::Ed25519Key* key) noexcept { key_ = key; }
  /// What now_ns() lacks to be Unix time, and that time itself for lines that are not of a request.
  void set_clock(std::int64_t offset_ns, std::int64_t unix_ns) noexcept;

  /// A chain of its own begins: the next line is its first.
  void start_chain();
  /// Goes on with a chain that a file holds. `open`: the lines behind the last hash, with their ends, which a crash has
  /// left; they belong to the next group.
  void follow(std::string_view chain, std::uint64_t seq, const crypto::Sha256& hash, std::string_view open = {});
  [[nodiscard]] const std::string& chain() const noexcept { return chain_; }
  [[nodiscard]] const std::string& stream() const noexcept { return stream_; }
  [[nodiscard]] const Position& position() const noexcept { return position_; }

  // Each appends a line to the batch; outcomes are gathered, and share one. May throw std::bad_alloc, or
  // std::runtime_error when the library will not hash: then reject().
  void add_record(const DecodedRecord& decoded);
  void add_file(Begin begin, std::string_view after, std::string_view problem);
  void add_open(std::string_view after);
  void add_recovered(std::uint64_t bytes, std::string_view digest);
  void add_shrunk(std::uint64_t bytes);
  void add_lost(std::uint64_t records);
  void add_checkpoint(std::string_view why);

  /// All of it, the last group ended. Throws as they do.
  std::string_view batch();
  [[nodiscard]] bool is_full() const noexcept { return used_ >= kBatch; }  // or nearly so: outcomes are to come
  /// The batch is in the file.
  void accept() noexcept;
  /// It is not: as after the last accept().
  void reject() noexcept;

 private:
  static constexpr std::size_t kBatch = std::size_t{64} << 10;
  static constexpr std::size_t kOutcomes = std::size_t{4} << 10;

  JsonCursor begin(std::string_view kind, std::int64_t unix_ns);
  JsonCursor begin_alone(std::string_view kind);
  void end(JsonCursor& line);
  void end_group();
  void add_outcome(const DecodedRecord& decoded);
  void put_outcomes();
  void put_time(JsonCursor& line, std::int64_t unix_ns);

  const std::string stream_;
  const crypto::Ed25519Key* key_ = nullptr;
  std::string chain_;
  Position position_;  // behind the batch
  Position accepted_;
  const std::unique_ptr<char[]> room_;
  std::size_t used_ = 0;
  std::size_t group_ = 0;                   // where the last group begins in it
  std::size_t group_lines_ = 0;             // 0: it is over
  const std::unique_ptr<char[]> outcomes_;  // "[...],[...],"
  std::size_t outcomes_used_ = 0;
  std::string open_;       // lines in the file that are part of the first group of the batch
  bool has_open_ = false;  // they have yet to be hashed
  crypto::Sha256Hasher hasher_;
  std::string escaped_;
  std::int64_t offset_ns_ = 0;
  std::int64_t now_ns_ = 0;
  std::int64_t second_ = -1;
  std::array<char, 20> second_text_{};  // "2026-01-31T23:59:59."
};

}  // namespace postern::audit
