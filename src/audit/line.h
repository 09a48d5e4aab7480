// A line of an audit file as its readers see it: the verifier, and the writer that goes on with a file. The format is
// docs/audit.md's; lines are ours and of one spelling, so anything else is not a record. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/ed25519.h"
#include "crypto/sha256_hasher.h"

namespace postern::audit {

inline constexpr std::size_t kHexHash = 64;
/// No line is longer, its end included: every byte of a record as \uXXXX, the names and the hashes.
inline constexpr std::size_t kMaxLine = 6 * 8192 + 2048;
/// What precedes the first line of a chain.
inline constexpr crypto::Sha256 kNoHash{};
inline constexpr std::uint32_t kFormat = 1;

/// Lines that share a hash, which the last of them has: a group is over when it has so many lines, or so many bytes.
inline constexpr std::size_t kGroupLines = 16;
inline constexpr std::size_t kGroupBytes = std::size_t{32} << 10;

/// Views into the line.
struct Line {
  std::uint64_t seq = 0;
  std::string_view kind;    // "intent", "checkpoint"...
  std::string_view time;    // "2026-01-31T23:59:59.123456Z"
  std::string_view prev;    // hash of the group before; what a group of its own is says it: file, checkpoint, shrunk
  std::string_view hash;    // of the group that ends here; empty: it goes on
  std::string_view hashed;  // the line up to its hash, or all of it

  [[nodiscard]] bool ends_group() const noexcept { return !hash.empty(); }
};

/// `text`: without its line end. No value: not a record. Says nothing about whether the hash is right.
std::optional<Line> parse_line(std::string_view text) noexcept;

/// Of 64 digits that parse_line() has found.
crypto::Sha256 hash_from(std::string_view hex) noexcept;

/// The hash of a group while its lines are read one after the other.
class GroupHash {
 public:
  /// A group begins, and `before` is the hash of the one before.
  void begin(const crypto::Sha256& before) noexcept;
  /// A line of it that is not its last one.
  void add(const Line& line) noexcept;
  /// The last one: whether its hash is that of the group. Then begin() the next.
  bool fits(const Line& last) noexcept;

 private:
  crypto::Sha256Hasher hasher_;
  bool is_good_ = false;  // the library did all of it
};

/// A text member by its name, as it stands in the line: escapes are not resolved. No value: there is none.
std::optional<std::string_view> find_text(const Line& line, std::string_view name) noexcept;
std::optional<std::uint64_t> find_number(const Line& line, std::string_view name) noexcept;

/// Of a signed checkpoint: what was signed, by whom, and how. No value: it is not signed.
struct Signed {
  std::string_view message;
  std::string_view key;
  crypto::Ed25519Signature signature{};
};
std::optional<Signed> find_signature(const Line& line) noexcept;

}  // namespace postern::audit
