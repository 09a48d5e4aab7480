// The limits of one generation of the config, and the registry that hands those that have not changed from generation
// to generation: their counts survive the reload. Control thread; a book is immutable and may be read by any.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings_policy.h"
#include "limit/shared_limit.h"

namespace postern::limit {

/// The most that one route may name.
inline constexpr std::size_t kMaxLimits = 8;

/// What a route is limited by. A value of the snapshot; valid while its book is.
struct LimitSet {
  std::vector<SharedLimit*> limits;
  std::string policy;  // of the RateLimit-Policy field
  std::uint8_t parts = 0;

  [[nodiscard]] bool empty() const noexcept { return limits.empty(); }
};

class LimitBook {
 public:
  /// nullptr: there is none of that name.
  [[nodiscard]] SharedLimit* find(std::string_view name) const noexcept;
  /// Names without a limit are left out: the config has been checked.
  [[nodiscard]] LimitSet make_set(const std::vector<std::string>& names) const;
  [[nodiscard]] const std::vector<std::shared_ptr<SharedLimit>>& limits() const noexcept { return limits_; }

 private:
  friend class LimitRegistry;
  std::vector<std::shared_ptr<SharedLimit>> limits_;
};

/// Owned by who builds snapshots; lives as long as the process.
class LimitRegistry {
 public:
  LimitRegistry() : seed_(HashSeed::random()) {}

  /// For a snapshot. `cores`: how many will share it.
  std::shared_ptr<const LimitBook> make_book(const std::vector<config::Limit>& limits, std::size_t cores);

 private:
  struct Known {
    config::Limit settings;
    std::size_t cores = 0;
    std::weak_ptr<SharedLimit> limit;
  };
  const HashSeed seed_;
  std::map<std::string, Known> known_;
  std::vector<std::weak_ptr<SharedLimit>> slots_;
};

}  // namespace postern::limit
