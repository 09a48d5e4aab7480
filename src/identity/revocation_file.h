// Revocations that outlive the process: a file of JSON lines, which every process of the machine that names it follows.
// So a restart, a binary upgrade and a second instance refuse what was revoked before. Control thread; blocks on the
// disk. A line that is not understood is an error and never skipped: what it revoked would be believed again.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/loaded.h"
#include "identity/revocation_bus.h"

namespace postern::identity {

std::string revocation_line(const Revocation& revocation);
/// Passed ones included. The error names the line.
crypto::Loaded<std::vector<Revocation>> parse_revocations(std::string_view text);

class RevocationFile {
 public:
  explicit RevocationFile(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Takes what is new in the file onto the bus; asks only for the file's time where nothing changed. A file that is
  /// not there is empty. Returns what is wrong; empty: nothing.
  std::string refresh(RevocationBus& bus, std::int64_t now);
  /// Onto the disk and onto the bus; onto the bus also when the disk fails, and then says why.
  std::string add(RevocationBus& bus, const Revocation& revocation, std::int64_t now);

 private:
  struct Stamp {
    std::uint64_t inode = 0;
    std::int64_t size = -1;  // -1: not there
    std::int64_t changed_ns = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };

  [[nodiscard]] Stamp stamp() const noexcept;

  std::string path_;
  Stamp read_;
  std::set<Revocation> known_;  // what stood there when it was read
};

}  // namespace postern::identity
