// One issuer whose keys are kept: where they come from, when they are looked at again, and who waits for that.
// IssuerKeeper's, on its thread.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/settings_identity.h"
#include "identity/key_fetch.h"
#include "identity/key_schedule.h"
#include "net/file_watch.h"
#include "net/signal.h"

namespace postern::identity {

struct FollowedIssuer {
  static constexpr std::size_t kMostQuestions = 4096;
  static constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();
  static constexpr std::int64_t kFileLookMs = 1'000;

  FollowedIssuer(net::Loop& loop, const config::Issuer& issuer, std::int64_t now_ms);

  [[nodiscard]] bool is_file() const noexcept { return watch.has_value(); }
  /// Whether that issuer's keys would come from the same place in the same way.
  [[nodiscard]] bool has_source_of(const config::Issuer& issuer) const;
  /// How long there is nothing to do, unless somebody wakes it.
  [[nodiscard]] std::int64_t pause_ms(std::int64_t now_ms) const noexcept;
  void leave() noexcept;

  const config::Issuer settings;
  std::optional<net::FileWatch> watch;  // keys from a file
  std::optional<KeyFetch> fetch;        // keys over the network
  KeySchedule schedule;
  net::Signal wake;
  std::size_t index = kNowhere;  // in the present set
  std::shared_ptr<const KeySet> keys;
  std::vector<std::pair<std::string, std::function<void(bool)>>> questions;  // names of keys, and who asks
  bool is_forced = false;                                                    // the next fetch is for a question
  bool is_fetching = false;                                                  // or about to
  bool failing = false;
  bool is_leaving = false;
};

}  // namespace postern::identity
