// Walks along one chain, line by line and file by file, and finds where it is not what its writer has made. For
// verify.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/line.h"
#include "audit/verify.h"

namespace postern::audit {

class ChainCheck {
 public:
  ChainCheck(const std::vector<crypto::Ed25519PublicKey>& keys, Verification& out) : keys_(keys), out_(out) {}

  /// Files in the order of their records.
  void add_file(const std::string& path);
  /// After the last one.
  void finish();

 private:
  void look_at(std::string_view text, bool is_torn);
  void look_at_record(const Line& line);
  void look_at_link(const Line& line);
  void look_at_hash(const Line& line);
  void look_at_group_end(const Line& line);
  void look_at_open_group(bool is_last);
  void look_at_first(const Line& line);
  void look_at_checkpoint(const Line& line);
  void look_at_remark(const Line& line);
  bool is_signature_good(const Line& line);
  void add(Weight weight, std::uint64_t seq, std::string text) { add_at(number_, weight, seq, std::move(text)); }
  void add_at(std::uint64_t number, Weight weight, std::uint64_t seq, std::string text);
  void problem(const Line& line, std::string text) { add(Weight::problem, line.seq, std::move(text)); }
  void note(const Line& line, std::string text) { add(Weight::note, line.seq, std::move(text)); }

  const std::vector<crypto::Ed25519PublicKey>& keys_;
  Verification& out_;
  ChainSummary chain_;
  std::string file_;
  std::uint64_t number_ = 0;                                          // of the line
  std::uint64_t expected_ = 0;                                        // number of the next record; 0: any
  std::string hash_;                                                  // of the group before; empty: not known
  GroupHash group_;                                                   // of the lines behind it, where...
  bool can_check_ = false;                                            // ...all of them are there, and hash_
  std::uint64_t group_seq_ = 0, group_number_ = 0, group_lines_ = 0;  // its first line; lines so far
  bool is_first_ = true;                                              // of the file
  bool is_torn_ = false;                                              // the file before had a last line without an end
  std::uint64_t problems_ = 0;                                        // of this chain
};

}  // namespace postern::audit
