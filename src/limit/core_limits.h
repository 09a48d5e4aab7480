// How much, as one core sees it: take() asks every limit of a route, mostly out of what this core has leased. That
// core's thread only; nothing here suspends, and on the warm path nothing locks or allocates.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "http/address.h"
#include "limit/core_table.h"
#include "limit/limit_book.h"
#include "postern/principal.h"

namespace postern::limit {

/// Of one request. Views and pointers need to live for the call.
struct LimitInput {
  const Principal* principal = nullptr;  // nullptr: nobody is known
  std::string_view route;
  std::string_view model;
  const http::Address* client = nullptr;  // as decided by the trust settings; nullptr, unknown: a Unix peer
  std::uint64_t body_bytes = 0;           // Content-Length; spent at once
  bool has_body = false;                  // with or without a length
};

struct Refusal {
  const SharedLimit* limit = nullptr;
  Budget budget = Budget::requests;
  std::uint32_t retry_after_s = 1;
};

/// The most buckets that one request draws from: more than one of a limit only where that counts by group.
inline constexpr std::size_t kMaxTaken = 16;
/// Of a caller's groups, in the order of their names.
inline constexpr std::size_t kMaxGroups = 8;

/// What a request has taken. In the request's context; its end, or release(), gives back its places among those that
/// are served at a time.
class LimitGuard {
 public:
  LimitGuard() = default;
  LimitGuard(const LimitGuard&) = delete;
  LimitGuard& operator=(const LimitGuard&) = delete;
  ~LimitGuard() { release(); }

  /// So many bytes of the request's body have come. Those that its Content-Length has announced are spent already.
  void charge_body(std::uint64_t bytes, Nanoseconds now) noexcept;
  /// The request is over.
  void release() noexcept;

  /// The value of the RateLimit field: of the limit that is nearest to its end. Empty: none counts requests.
  [[nodiscard]] std::string_view write_rate_limit(std::span<char> space) const noexcept;

 private:
  friend class CoreLimits;
  struct Taken {
    CoreTable* table = nullptr;
    std::uint32_t entry = 0;
  };

  std::array<Taken, kMaxTaken> taken_;
  std::uint8_t count_ = 0;
  bool counts_body_ = false;
  std::uint64_t prepaid_ = 0;  // bytes of the body that are spent already
  const SharedLimit* nearest_ = nullptr;
  std::uint64_t left_ = 0;
};

class CoreLimits {
 public:
  CoreLimits() = default;
  CoreLimits(const CoreLimits&) = delete;
  CoreLimits& operator=(const CoreLimits&) = delete;
  /// Every guard is gone by then. Gives everything back.
  ~CoreLimits();

  /// Before the first request of a generation with that book; may allocate. Tables of limits that it does not have any
  /// more stay until the generations and requests that use them are gone.
  void install(const std::shared_ptr<const LimitBook>& book);

  /// True: `guard`, which is empty before, holds what was taken. False: nothing is taken, and `refusal` says why.
  bool take(const LimitSet& set, const LimitInput& input, Nanoseconds now, LimitGuard& guard,
            Refusal& refusal) noexcept;

  /// About ten times a second: what has not been used for a while goes back to where other cores find it. Cheap when
  /// there is nothing.
  void tick(Nanoseconds now) noexcept;

 private:
  bool take_limit(SharedLimit& limit, const LimitInput& input, Nanoseconds now, LimitGuard& guard,
                  Refusal& refusal) noexcept;
  bool take_bucket(CoreTable& table, const KeyedHash& key, const LimitInput& input, Nanoseconds now, LimitGuard& guard,
                   Refusal& refusal) noexcept;
  void drop_unused() noexcept;

  std::vector<std::unique_ptr<CoreTable>> tables_;  // by the limit's slot
};

/// "12", for Retry-After, and the value of RateLimit beside a refusal.
std::string_view write_retry_after(const Refusal& refusal, std::span<char> space) noexcept;
std::string_view write_rate_limit(const Refusal& refusal, std::span<char> space) noexcept;

}  // namespace postern::limit
