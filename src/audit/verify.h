// Finds what was changed, removed, added or moved in audit files, and says where. What it needs are the files, and the
// public keys for who trusts nothing else. For `postern audit verify`; blocks on the disk, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crypto/ed25519.h"

namespace postern::audit {

enum class Weight : std::uint8_t {
  note,     // what the writer has seen or could not do: a crash, a gap
  problem,  // what should not be
};

struct Finding {
  Weight weight = Weight::problem;
  std::string file;
  std::uint64_t line = 0;  // from 1; 0: the file as a whole
  std::uint64_t seq = 0;   // 0: not known
  std::string text;
};

/// Of one chain: a stream from its beginning, or from the first file that was given.
struct ChainSummary {
  std::string stream, chain;
  std::uint64_t first_seq = 0, last_seq = 0;
  std::string last_hash;
  std::uint64_t files = 0;
  std::uint64_t checkpoints = 0;  // good ones; where keys were given: signed ones
  std::uint64_t sealed_seq = 0;   // of the last of them
  std::string sealed_time;
  bool is_closed = false;  // it ends as a process ends that has stopped in order
};

struct Verification {
  std::vector<Finding> findings;
  std::vector<ChainSummary> chains;
  std::uint64_t problems = 0;  // also those that are too many to be told

  [[nodiscard]] bool is_good() const noexcept { return problems == 0; }
};

/// `files`: in any order. `keys`: none: signatures are not looked at.
Verification verify(const std::vector<std::string>& files, const std::vector<crypto::Ed25519PublicKey>& keys);

}  // namespace postern::audit
