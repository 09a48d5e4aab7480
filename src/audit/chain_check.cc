#include "audit/chain_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "audit/line_reader.h"

namespace postern::audit {
namespace {

constexpr std::size_t kMostFindings = 100;

constexpr std::string_view kKinds[] = {"request", "intent",     "outcomes", "file",     "open",
                                       "lost",    "checkpoint", "shrunk",   "recovered"};

std::string quoted(std::string_view text) { return fmt::format("\"{}\"", text); }

}  // namespace

void ChainCheck::add_at(std::uint64_t number, Weight weight, std::uint64_t seq, std::string text) {
  if (weight == Weight::problem) {
    ++problems_;
    ++out_.problems;
  }
  if (out_.findings.size() < kMostFindings) out_.findings.push_back({weight, file_, number, seq, std::move(text)});
}

void ChainCheck::add_file(const std::string& path) {
  // Only the last file of a chain may have been torn by a crash: the next one's writer would have mended it.
  if (std::exchange(is_torn_, false)) {
    add(Weight::problem, 0, "its last line is incomplete, but the chain goes on in another file");
  }
  look_at_open_group(false);
  file_ = path;
  number_ = 0;
  is_first_ = true;
  ++chain_.files;
  LineReader reader(path, kMaxLine);
  std::string_view text;
  while (reader.next(text)) {
    number_ = reader.number();
    look_at(text, reader.is_torn());
    is_first_ = false;
  }
  if (reader.error().empty() && !is_first_) return;
  number_ = 0;
  if (reader.error().empty()) {
    add(Weight::note, 0, "it is empty: a crash when it was begun, or somebody has emptied it");
  } else {
    add(Weight::problem, 0, reader.error());
  }
}

void ChainCheck::look_at(std::string_view text, bool is_torn) {
  if (is_torn) {
    is_torn_ = true;
    add(Weight::note, 0, fmt::format("{} bytes of an incomplete record: a crash, or the end was cut off", text.size()));
    chain_.is_closed = false;
    return;
  }
  const std::optional<Line> line = parse_line(text);
  if (line) return look_at_record(*line);
  add(Weight::problem, expected_, "not a record: changed, or put in");
  if (expected_ != 0) ++expected_;  // most likely it was the one that is due
  can_check_ = false;
  chain_.is_closed = false;
}

void ChainCheck::look_at_record(const Line& line) {
  look_at_link(line);
  look_at_hash(line);
  if (is_first_) {
    look_at_first(line);
  } else if (line.kind == "file") {
    problem(line, "the first record of a file stands within one: records before it were removed, or files joined");
  }
  if (chain_.first_seq == 0) chain_.first_seq = line.seq;
  chain_.last_seq = line.seq;
  if (line.ends_group()) chain_.last_hash = line.hash;
  chain_.is_closed = false;
  if (line.kind == "checkpoint") look_at_checkpoint(line);
  look_at_remark(line);
  expected_ = line.seq + 1;
}

void ChainCheck::look_at_link(const Line& line) {
  if (expected_ == 0) {
    if (line.seq == 1) {
      const bool is_first = !line.prev.empty() && hash_from(line.prev) == kNoHash;
      if (!is_first) problem(line, "the first record of a chain does not say that there is none before it");
    } else if (is_first_ && !line.prev.empty()) {
      note(line,
           fmt::format("records before this one are in files that were not given; the last of them has the hash {}",
                       line.prev));
    }
    return;
  }
  if (line.seq > expected_) {
    problem(line, line.seq == expected_ + 1
                      ? fmt::format("record {} is missing before this one, or stands elsewhere", expected_)
                      : fmt::format("records {} to {} are missing before this one, or stand elsewhere", expected_,
                                    line.seq - 1));
  } else if (line.seq < expected_) {
    problem(line, fmt::format("moved or repeated: record {} was due here", expected_));
  } else {
    return;
  }
  can_check_ = false;
}

// A line that says what is before it ends what is in doubt.
void ChainCheck::look_at_hash(const Line& line) {
  if (!line.prev.empty()) {
    if (can_check_ && line.prev != hash_) {
      problem(line, "it does not follow the record before it: that one was changed or replaced");
    } else if (can_check_ && group_lines_ != 0) {
      look_at_open_group(false);
    }
    hash_ = line.prev;
    group_lines_ = 0;
    group_.begin(hash_from(hash_));
    can_check_ = true;
  }
  if (group_lines_++ == 0) {
    group_seq_ = line.seq;
    group_number_ = number_;
  }
  if (line.ends_group()) {
    look_at_group_end(line);
  } else if (can_check_) {
    group_.add(line);
  }
}

void ChainCheck::look_at_group_end(const Line& line) {
  constexpr std::string_view kOrBefore = "or the one before was replaced with its hash";
  if (can_check_ && !group_.fits(line)) {
    add_at(group_number_, Weight::problem, group_seq_,
           group_lines_ == 1
               ? fmt::format("the record was changed, {}", kOrBefore)
               : fmt::format("the record was changed, or one of those up to {}, {}", line.seq, kOrBefore));
  }
  hash_ = line.hash;
  group_lines_ = 0;
  group_.begin(hash_from(hash_));
  can_check_ = true;
}

void ChainCheck::look_at_open_group(bool is_last) {
  if (group_lines_ == 0) return;
  const bool is_crash = is_last && group_lines_ <= 2 * kGroupLines;
  add_at(group_number_, is_crash ? Weight::note : Weight::problem, group_seq_,
         fmt::format("from here on {} record{} no hash{}", group_lines_, group_lines_ == 1 ? " has" : "s have",
                     is_crash ? ": a crash, or the end was cut off" : ": it was taken away"));
  group_lines_ = 0;
}

void ChainCheck::look_at_first(const Line& line) {
  const auto stream = find_text(line, "stream"), chain = find_text(line, "chain"), begin = find_text(line, "begin");
  if (line.kind != "file" || !stream || !chain || !begin) {
    return problem(line, "the first record of the file is missing: it names stream and chain");
  }
  if (find_number(line, "format") != kFormat) problem(line, "a format that this version does not know");
  if (chain_.chain.empty()) {
    chain_.chain = *chain;
    chain_.stream = *stream;
  } else if (chain_.stream != *stream) {
    problem(line, "the file is of the stream " + quoted(*stream));
  }
  const std::string after(find_text(line, "after").value_or("")), why(find_text(line, "problem").value_or(""));
  if (*begin == "broken") {
    problem(line, fmt::format("a new chain begins because nobody could go on with {}: {}", after, why));
  } else if (*begin == "resumed") {
    note(line, fmt::format("there was no open file when its writer came: what followed {} may be missing", after));
  } else if (*begin == "moved") {
    note(line, why.empty() ? "the file before was moved away or removed while it was written" : why);
  }
}

void ChainCheck::look_at_checkpoint(const Line& line) {
  const bool is_here = chain_.chain.empty() || (find_text(line, "chain") == std::string_view(chain_.chain) &&
                                                find_text(line, "stream") == std::string_view(chain_.stream));
  if (!is_here) return problem(line, "a checkpoint of another chain");
  const std::string_view why = find_text(line, "why").value_or("");
  chain_.is_closed = why == "close" || why == "rotate";
  if (!keys_.empty() && !is_signature_good(line)) return;
  ++chain_.checkpoints;
  if (problems_ != 0) return;  // what comes behind a fault vouches for nothing before it
  chain_.sealed_seq = line.seq;
  chain_.sealed_time = line.time;
}

bool ChainCheck::is_signature_good(const Line& line) {
  const std::optional<Signed> found = find_signature(line);
  if (!found) {
    problem(line, "the checkpoint is not signed");
    return false;
  }
  const auto key = std::ranges::find(keys_, found->key, &crypto::Ed25519PublicKey::id);
  if (key == keys_.end()) {
    problem(line, fmt::format("the checkpoint is signed with the key {}, which was not given", found->key));
    return false;
  }
  if (key->verify(found->message, found->signature)) return true;
  problem(line, "the checkpoint's signature is wrong: this record or one before it was changed");
  return false;
}

void ChainCheck::look_at_remark(const Line& line) {
  if (std::ranges::find(kKinds, line.kind) == std::end(kKinds)) {
    note(line, "a kind of record that this version does not know: " + quoted(line.kind));
  } else if (line.kind == "lost") {
    note(line, fmt::format("{} outcomes could not be written", find_number(line, "records").value_or(0)));
  } else if (line.kind == "recovered") {
    const std::uint64_t bytes = find_number(line, "bytes").value_or(0);
    note(line, bytes == 0 ? std::string("a crash had left the records before this one without a hash")
                          : fmt::format("{} bytes of an incomplete record were removed here after a crash", bytes));
  } else if (line.kind == "shrunk") {
    problem(line, fmt::format("somebody has cut {} bytes off the file while it was written",
                              find_number(line, "bytes").value_or(0)));
  } else if (line.kind == "open" && find_text(line, "after") == "crash") {
    note(line, "the process before this one did not stop in order: a crash, or the end was cut off");
  }
}

void ChainCheck::finish() {
  look_at_open_group(true);
  if (chain_.last_seq != 0) out_.chains.push_back(chain_);
}

}  // namespace postern::audit
