// What one core and the writer share of one stream: the ring, and how far the writer has come. Made by the control
// thread, never unmade before the trail ends.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/byte_ring.h"

namespace postern::audit {

using StreamIndex = std::uint16_t;

/// Streams that a process may have had by the time it ends: those that a reload drops keep their place.
inline constexpr std::size_t kMaxStreams = 64;
inline constexpr StreamIndex kNoStream = 0xFFFF;

/// What all lanes of a stream look at.
struct StreamState {
  std::atomic<bool> is_failing{false};     // the file does not take records at present
  std::atomic<bool> wants_group{false};    // sync = "group": intents are waited for
  std::atomic<std::uint64_t> written{0};   // records in the file, of this process
  std::atomic<std::uint64_t> lost{0};      // records that are not
  std::atomic<std::uint64_t> refused{0};   // intents that were answered with an error
  std::atomic<std::uint64_t> syncs{0};     // fsync calls
  std::atomic<std::uint64_t> failures{0};  // times that the file stopped taking records
};

struct Lane {
  explicit Lane(StreamState& s, std::size_t ring_bytes) : state(s), ring(ring_bytes) {}

  StreamState& state;
  ByteRing ring;
  // Written by the core.
  std::uint64_t intents = 0;           // tickets so far
  std::atomic<std::uint64_t> lost{0};  // outcomes that found the ring full
  // Written by the writer.
  alignas(64) std::atomic<std::uint64_t> done{0};  // tickets whose intents are in the file...
  std::atomic<std::uint64_t> unsure{0};            // ...but for those up to here, which nobody has confirmed in time
};

}  // namespace postern::audit
