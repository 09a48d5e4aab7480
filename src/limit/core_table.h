// What one core has leased of one limit: an entry per key that it has seen lately. A full table gives the oldest
// entries back to the shared one, so nothing is lost by that. One core only; CoreLimits and its guards use it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "limit/limit_book.h"
#include "limit/shared_limit.h"

namespace postern::limit {

class CoreTable {
 public:
  explicit CoreTable(std::shared_ptr<SharedLimit> limit);
  ~CoreTable();
  CoreTable(const CoreTable&) = delete;
  CoreTable& operator=(const CoreTable&) = delete;

  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct Outcome {
    std::uint32_t entry = kNone;  // kNone: refused
    Budget refused = Budget::requests;
    Nanoseconds wait = 0;
    std::uint64_t left = 0;  // requests, as far as this core knows
  };

  /// A request's share of the bucket: a token, a place, `body` bytes. The entry stays until release().
  Outcome take(const KeyedHash& key, bool has_body, std::uint64_t body, Nanoseconds now) noexcept;
  void charge_body(std::uint32_t entry, std::uint64_t bytes, Nanoseconds now) noexcept;
  /// `undo`: another limit has refused the request; nothing of it has happened.
  void release(std::uint32_t entry) noexcept;
  void undo(std::uint32_t entry, bool has_body, std::uint64_t body) noexcept;

  /// Gives back what has not been used since the call before the last.
  void tick(Nanoseconds now) noexcept;

  [[nodiscard]] SharedLimit& limit() const noexcept { return *limit_; }
  [[nodiscard]] bool is_idle() const noexcept { return pins_ == 0; }
  /// The last book that had this limit: while it lives, requests may come.
  void belongs_to(std::weak_ptr<const LimitBook> book) noexcept { book_ = std::move(book); }
  [[nodiscard]] bool is_wanted() const noexcept { return !book_.expired(); }
  [[nodiscard]] std::size_t size() const noexcept { return used_; }

 private:
  struct Entry {
    KeyedHash key;
    std::int64_t body = 0;             // leased and not spent
    std::int64_t spent_body = 0;       // not reported yet
    Nanoseconds refused_until = 0;     // as the shared bucket has said
    Nanoseconds ask_at = 0;            // before that it is not asked again: leases may come back any time
    std::uint32_t requests = 0;        // leased and not spent
    std::uint32_t spent_requests = 0;  // not reported yet
    std::uint32_t slots = 0;           // leased
    std::uint32_t pins = 0;            // requests that are served; each holds a slot where those are counted
    std::uint32_t next_slice = 1;      // doubles with each lease, so that a key seen once leaves nothing behind
    std::uint32_t next = kNone;        // in the bucket of the hash table
    std::uint32_t left = 0;            // requests that nobody had leased, when we asked last
    bool is_used = false;
    bool is_scarce = false;
    bool is_recent = false;  // touched since the last tick
    bool is_marked = false;  // its place is among the marked ones: there may be something to give back
    bool is_crowd = false;
    Budget refused = Budget::requests;
  };

  std::uint32_t find_or_add(const KeyedHash& key, Nanoseconds now) noexcept;
  struct Needs {
    bool request = false, slot = false, body = false;
    [[nodiscard]] bool any() const noexcept { return request || slot || body; }
    [[nodiscard]] bool has(Budget budget) const noexcept;
  };
  std::uint32_t make_place(Nanoseconds now) noexcept;
  bool lease(Entry& entry, const Needs& needs, std::uint64_t body, Nanoseconds now) noexcept;
  void mark(std::uint32_t index) noexcept;
  void give_back(Entry& entry, Nanoseconds now) noexcept;
  void remove(std::uint32_t index) noexcept;
  std::uint32_t& head_of(const KeyedHash& key) noexcept { return heads_[key.low & mask_]; }

  const std::shared_ptr<SharedLimit> limit_;
  const bool counts_requests_, counts_slots_, counts_body_;
  const std::uint32_t capacity_;
  const std::uint64_t mask_;
  std::vector<std::uint32_t> heads_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> marked_;
  std::uint32_t used_ = 0;
  std::uint32_t hand_ = 0;  // of the clock that looks for the entry to give up
  std::uint32_t pins_ = 0;
  Nanoseconds now_ = 0;  // of the last call that had one
  std::weak_ptr<const LimitBook> book_;
};

}  // namespace postern::limit
