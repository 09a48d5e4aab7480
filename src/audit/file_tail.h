// What an audit file that nobody has open says of itself: its first line, its last whole one, and what is behind that.
// For the writer that goes on with it. Reads as little as it can; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "crypto/sha256.h"

namespace postern::audit {

struct FileTail {
  bool is_empty = false;  // no whole line in it
  std::string problem;    // why nobody can go on with it; empty: all is well
  std::string stream, chain;
  std::int64_t first_day = 0;  // since 1970
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  crypto::Sha256 last_hash{};    // of the last group that is over
  std::string open;              // the lines behind that one, with their ends: a crash has cut their group short
  bool is_closed = false;        // the last line is the checkpoint of one who had no more to say
  std::uint64_t whole_size = 0;  // bytes up to the end of the last whole line
  std::uint64_t torn = 0;        // bytes behind it
};

/// `size`: as fstat() says. False: it cannot be read; errno says why.
bool read_tail(int fd, std::uint64_t size, FileTail& tail);

/// SHA-256 of a part of the file as hex; empty when it cannot be read.
std::string digest_of(int fd, std::uint64_t from, std::uint64_t bytes);

}  // namespace postern::audit
