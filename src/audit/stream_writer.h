// One stream on the writer's thread: what its lanes hold becomes a batch of lines, the batch goes into the file and,
// where intents wait for that, onto the disk; then their cores are told. While the file takes nothing, records stay in
// the rings, intents fail at once, and every second there is another try.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "audit/chain_file.h"
#include "audit/core_audit.h"
#include "audit/lane.h"
#include "config/settings_audit.h"
#include "crypto/ed25519.h"

namespace postern::audit {

class StreamWriter {
 public:
  StreamWriter(const config::AuditStream& settings, std::shared_ptr<const crypto::Ed25519Key> key, StreamState& state,
               ChainFile::Clock clock);

  /// `core`: to be told when its intents are written.
  void add_lane(Lane& lane, CoreAudit& core) { lanes_.push_back({&lane, &core, 0, false}); }
  void configure(const config::AuditStream& settings, std::shared_ptr<const crypto::Ed25519Key> key);
  /// The file exists from the start, or its trouble is known from the start.
  void open(std::int64_t now_ms) noexcept;

  struct Work {
    bool has_written = false;
    std::size_t awaited = 0;   // intents of the batch that were waited for
    std::int64_t sync_ns = 0;  // how long they have waited for the disk
  };
  /// What there is to do at this time; a batch at most.
  Work work(std::int64_t now_ms) noexcept;
  /// Whether work() would find records now. False while the file fails: they wait.
  bool has_records() noexcept;
  /// When work() is wanted at the latest, even if nobody rings.
  [[nodiscard]] std::int64_t due_ms() const noexcept;
  [[nodiscard]] bool is_failing() const noexcept { return is_failing_; }
  /// The end is near: the next work() tries, however short a while ago the file has failed.
  void hurry() noexcept { retry_ms_ = 0; }
  /// The last checkpoint. What is still in the rings is counted as lost.
  void close() noexcept;

 private:
  struct LaneEnd {
    Lane* lane;
    CoreAudit* core;
    std::uint64_t intents;  // in the batch
    bool is_awaited;
  };

  bool write_batch(std::int64_t now_ms, Work& work) noexcept;
  void make_lines(std::int64_t now_ms);
  void make_lines_of(LaneEnd& end);
  void keep_records() noexcept;
  void let_go() noexcept;
  bool sync(std::int64_t now_ms) noexcept;
  void tell(Work& work) noexcept;
  void fail(std::int64_t now_ms) noexcept;
  void recover() noexcept;
  [[nodiscard]] std::uint64_t lost() const noexcept;

  ChainFile file_;
  StreamState& state_;
  std::vector<LaneEnd> lanes_;
  std::uint64_t records_ = 0;  // in the batch
  std::uint64_t told_lost_ = 0;
  std::uint64_t batch_lost_ = 0;
  std::int64_t checkpoint_ms_ = 0;  // the last one
  std::int64_t sync_ms_ = 0;        // the last fsync
  std::int64_t retry_ms_ = 0;
  bool is_failing_ = false;
};

}  // namespace postern::audit
