#include "audit/line_maker.h"

#include <unistd.h>

#include <cstring>
#include <ctime>
#include <stdexcept>

#include "base/random.h"

namespace postern::audit {
namespace {

constexpr std::string_view kBegins[] = {"fresh", "rotated", "resumed", "moved", "broken"};
/// An outcome at most: its texts are not longer than this where every byte of them is escaped, nor its numbers.
constexpr std::size_t kMostOfOutcome = 4096;

template <std::size_t kSize>
void number_member(JsonCursor& line, const char (&name)[kSize], std::uint64_t value) noexcept {
  line.literal(name);
  line.number(value);
}

void put_request(JsonCursor& line, const DecodedRecord& decoded) {
  const AuditRecord& r = decoded.record;
  line.member(",\"request_id\":\"", r.request_id, is_cut(decoded, &AuditRecord::request_id));
  line.member(",\"trace_id\":\"", r.trace_id);
  line.member(",\"subject\":\"", r.subject, is_cut(decoded, &AuditRecord::subject));
  line.member(",\"issuer\":\"", r.issuer, is_cut(decoded, &AuditRecord::issuer));
  line.member(",\"client_id\":\"", r.client_id, is_cut(decoded, &AuditRecord::client_id));
  line.member(",\"client\":\"", r.client);
  line.member(",\"credential\":\"", r.credential);
  line.member(",\"credential_id\":\"", r.credential_id, is_cut(decoded, &AuditRecord::credential_id));
  line.member(",\"route\":\"", r.route);
  line.member(",\"method\":\"", r.method, is_cut(decoded, &AuditRecord::method));
  line.member(",\"host\":\"", r.host, is_cut(decoded, &AuditRecord::host));
  line.member(",\"path\":\"", r.path, is_cut(decoded, &AuditRecord::path));
  line.member(",\"model\":\"", r.model, is_cut(decoded, &AuditRecord::model));
  line.member(",\"version\":\"", r.version, is_cut(decoded, &AuditRecord::version));
  line.member(",\"action\":\"", r.action);
  line.member(",\"decision\":\"", r.decision);
  line.member(",\"reason\":\"", r.reason, is_cut(decoded, &AuditRecord::reason));
}

void put_outcome(JsonCursor& line, const AuditRecord& r) {
  number_member(line, ",\"status\":", r.status);
  number_member(line, ",\"bytes_in\":", r.bytes_in);
  number_member(line, ",\"bytes_out\":", r.bytes_out);
  line.literal(",\"latency_ms\":");
  line.ms(r.latency);
  line.member(",\"cache\":\"", r.cache);
  line.member(",\"upstream\":\"", r.upstream);
  line.member(",\"endpoint\":\"", r.endpoint);
}

}  // namespace

LineMaker::LineMaker(std::string stream)
    : stream_(std::move(stream)),
      room_(std::make_unique_for_overwrite<char[]>(kBatch + 4 * kMaxLine)),
      outcomes_(std::make_unique_for_overwrite<char[]>(kOutcomes + kMostOfOutcome)) {}

void LineMaker::set_clock(std::int64_t offset_ns, std::int64_t unix_ns) noexcept {
  offset_ns_ = offset_ns;
  now_ns_ = unix_ns;
}

void LineMaker::start_chain() {
  Random random;  // a name that no other chain has; nothing depends on its being hard to guess
  const std::uint64_t words[] = {random.next(), random.next()};
  std::array<char, 32> text{};
  JsonCursor cursor(text.data(), escaped_);
  cursor.hex({reinterpret_cast<const unsigned char*>(words), sizeof words});
  follow({text.data(), text.size()}, 0, kNoHash);
}

void LineMaker::follow(std::string_view chain, std::uint64_t seq, const crypto::Sha256& hash, std::string_view open) {
  chain_ = chain;
  open_ = open;
  has_open_ = !open_.empty();
  position_ = Position{seq, hash, 0};
  accept();
}

JsonCursor LineMaker::begin(std::string_view kind, std::int64_t unix_ns) {
  JsonCursor line(room_.get() + used_, escaped_);
  line.literal("{\"seq\":");
  line.number(position_.seq + 1);
  line.literal(",\"kind\":\"");
  line.copy(kind);
  line.literal("\",\"time\":\"");
  put_time(line, unix_ns);
  line.literal("\"");
  return line;
}

void LineMaker::put_time(JsonCursor& line, std::int64_t unix_ns) {
  const std::int64_t second = unix_ns / 1'000'000'000;
  if (second != second_) {
    const auto time = static_cast<std::time_t>(second);
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
    std::memcpy(second_text_.data(), text.data(), second_text_.size());
    second_ = second;
  }
  line.copy({second_text_.data(), second_text_.size()});
  const auto us = static_cast<std::uint64_t>(unix_ns % 1'000'000'000) / 1000;
  line.thousandths(us / 1000);
  line.thousandths(us % 1000);
  line.literal("Z");
}

void LineMaker::end(JsonCursor& line) {
  line.literal("}\n");
  used_ = static_cast<std::size_t>(line.at() - room_.get());
  ++position_.seq;
  ++position_.unsealed;
  if (++group_lines_ == kGroupLines || used_ - group_ >= kGroupBytes) end_group();
}

// The last line has its end already, and gets another one.
void LineMaker::end_group() {
  if (group_lines_ == 0) return;
  const auto bytes = [](const crypto::Sha256& hash) {
    return std::string_view(reinterpret_cast<const char*>(hash.data()), hash.size());
  };
  const std::size_t end = used_ - 2;
  const bool is_hashed = hasher_.begin() && hasher_.add(bytes(position_.hash)) && (!has_open_ || hasher_.add(open_)) &&
                         hasher_.add({room_.get() + group_, end - group_}) && hasher_.end(position_.hash);
  if (!is_hashed) throw std::runtime_error("SHA-256 failed");
  JsonCursor tail(room_.get() + end, escaped_);
  tail.literal(",\"hash\":\"");
  tail.hex(position_.hash);
  tail.literal("\"}\n");
  group_ = used_ = static_cast<std::size_t>(tail.at() - room_.get());
  group_lines_ = 0;
  has_open_ = false;
}

// A line that is a group of its own can be checked by itself: with a key, or where the line before is not there.
JsonCursor LineMaker::begin_alone(std::string_view kind) {
  end_group();
  if (has_open_) {
    add_recovered(0, {});
    end_group();
  }
  JsonCursor line = begin(kind, now_ns_);
  line.literal(",\"prev\":\"");
  line.hex(position_.hash);
  line.literal("\"");
  return line;
}

std::string_view LineMaker::batch() {
  put_outcomes();
  end_group();
  return {room_.get(), used_};
}

void LineMaker::add_record(const DecodedRecord& decoded) {
  if (decoded.kind == RecordKind::outcome) return add_outcome(decoded);
  const bool is_over = decoded.kind == RecordKind::request;
  JsonCursor line = begin(is_over ? "request" : "intent", decoded.record.time + offset_ns_);
  put_request(line, decoded);
  if (is_over) put_outcome(line, decoded.record);
  end(line);
}

// Without the names, which are longer than what they name. When it was over follows from the intent's time.
void LineMaker::add_outcome(const DecodedRecord& decoded) {
  const AuditRecord& r = decoded.record;
  JsonCursor entry(outcomes_.get() + outcomes_used_, escaped_);
  entry.literal("[");
  entry.text(r.request_id, is_cut(decoded, &AuditRecord::request_id));
  entry.literal(",");
  entry.number(r.status);
  entry.literal(",");
  entry.number(r.bytes_in);
  entry.literal(",");
  entry.number(r.bytes_out);
  entry.literal(",");
  entry.ms(r.latency);
  entry.literal(",");
  entry.text(r.cache);
  entry.literal(",");
  entry.text(r.upstream);
  entry.literal(",");
  entry.text(r.endpoint);
  entry.literal("],");
  outcomes_used_ = static_cast<std::size_t>(entry.at() - outcomes_.get());
  if (outcomes_used_ >= kOutcomes) put_outcomes();
}

void LineMaker::put_outcomes() {
  if (outcomes_used_ == 0) return;
  JsonCursor line = begin("outcomes", now_ns_);
  line.literal(",\"outcomes\":[");
  line.copy({outcomes_.get(), outcomes_used_ - 1});
  line.literal("]");
  end(line);
  outcomes_used_ = 0;
}

void LineMaker::add_file(Begin how, std::string_view after, std::string_view problem) {
  JsonCursor line = begin_alone("file");
  number_member(line, ",\"format\":", kFormat);
  line.member(",\"stream\":\"", stream_);
  line.member(",\"chain\":\"", chain_);
  line.member(",\"begin\":\"", kBegins[static_cast<std::size_t>(how)]);
  line.member(",\"after\":\"", after.substr(0, 512));
  line.member(",\"problem\":\"", problem.substr(0, 512));
  if (key_) line.member(",\"key\":\"", key_->id());
  number_member(line, ",\"pid\":", static_cast<std::uint64_t>(::getpid()));
  end(line);
  end_group();
}

void LineMaker::add_open(std::string_view after) {
  JsonCursor line = begin("open", now_ns_);
  line.member(",\"after\":\"", after);
  if (key_) line.member(",\"key\":\"", key_->id());
  number_member(line, ",\"pid\":", static_cast<std::uint64_t>(::getpid()));
  end(line);
}

void LineMaker::add_recovered(std::uint64_t bytes, std::string_view digest) {
  JsonCursor line = begin("recovered", now_ns_);
  number_member(line, ",\"bytes\":", bytes);
  line.member(",\"sha256\":\"", digest);
  end(line);
}

void LineMaker::add_shrunk(std::uint64_t bytes) {
  has_open_ = false;
  JsonCursor line = begin_alone("shrunk");
  number_member(line, ",\"bytes\":", bytes);
  end(line);
  end_group();
}

void LineMaker::add_lost(std::uint64_t records) {
  JsonCursor line = begin("lost", now_ns_);
  number_member(line, ",\"records\":", records);
  end(line);
}

void LineMaker::add_checkpoint(std::string_view why) {
  put_outcomes();
  JsonCursor line = begin_alone("checkpoint");
  line.member(",\"stream\":\"", stream_);
  line.member(",\"chain\":\"", chain_);
  line.member(",\"why\":\"", why);
  number_member(line, ",\"records\":", position_.unsealed);
  if (key_) {
    line.member(",\"key\":\"", key_->id());
    const char* const start = room_.get() + used_;
    crypto::Ed25519Signature signature;
    if (!key_->sign({start, static_cast<std::size_t>(line.at() - start)}, signature)) {
      throw std::runtime_error("Ed25519 failed");
    }
    line.literal(",\"signature\":\"");
    line.hex(signature);
    line.literal("\"");
  }
  end(line);
  end_group();
  position_.unsealed = 0;
}

void LineMaker::accept() noexcept {
  if (!has_open_) open_.clear();
  used_ = group_ = group_lines_ = outcomes_used_ = 0;
  accepted_ = position_;
}

void LineMaker::reject() noexcept {
  used_ = group_ = group_lines_ = outcomes_used_ = 0;
  position_ = accepted_;
  has_open_ = !open_.empty();
}

}  // namespace postern::audit
