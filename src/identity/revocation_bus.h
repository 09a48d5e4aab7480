// Where revocations of the whole process meet: sources on the control thread add, the server takes a batch and posts it
// to every core, and a core that starts later gets what is still in force. Control thread only; locks nothing, posts
// nothing itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "identity/revocation.h"

namespace postern::identity {

class RevocationBus {
 public:
  static constexpr std::size_t kDefaultEntries = 8192;

  explicit RevocationBus(std::size_t most = kDefaultEntries) : most_(most) {}

  /// Takes effect on the cores with the next take(). Empty issuer names and times that have passed are ignored.
  void add(Revocation revocation, std::int64_t now);
  /// What came since the last call, or nullptr: nothing did. To be posted to every core at once.
  RevocationBatch take();
  /// All that is still in force: for a core, or a process, that starts now.
  RevocationBatch everything(std::int64_t now);

  std::size_t size() const noexcept { return kept_.size(); }

 private:
  void forget_passed(std::int64_t now);

  const std::size_t most_;
  std::vector<Revocation> kept_;
  std::vector<Revocation> fresh_;
};

}  // namespace postern::identity
