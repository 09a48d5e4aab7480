#include "server/overload.h"

#include <array>

namespace postern::server {

namespace {

constexpr std::array<std::string_view, 4> kNames{"none", "close_idle", "refuse_connections", "refuse_requests"};

std::int64_t permil(std::uint64_t used, std::uint64_t limit) noexcept {
  return limit == 0 ? 0 : static_cast<std::int64_t>(static_cast<double>(used) * 1000 / static_cast<double>(limit));
}

const config::OverloadStage& marks_of(const config::Overload& marks, Stage stage) noexcept {
  if (stage == Stage::refuse_requests) return marks.refuse_requests;
  return stage == Stage::refuse_connections ? marks.refuse_connections : marks.close_idle;
}

/// Which value is at its mark, at `tenths` of it; empty: none is.
std::string_view reason_for(const config::OverloadStage& marks, const Resources& now, std::int64_t tenths) noexcept {
  const auto reaches = [tenths](std::int64_t value, std::int64_t mark) {
    return mark != 0 && value * 10 >= mark * tenths;
  };
  if (reaches(now.memory_permil(), std::int64_t{marks.memory} * 10)) return "memory";
  if (reaches(now.files_permil(), std::int64_t{marks.files} * 10)) return "files";
  if (reaches(now.lag_ms, marks.lag.count())) return "lag";
  return {};
}

Stage below(Stage stage) noexcept { return static_cast<Stage>(static_cast<int>(stage) - 1); }

}  // namespace

std::string_view to_string(Stage stage) noexcept { return kNames[static_cast<std::size_t>(stage)]; }

std::int64_t Resources::memory_permil() const noexcept { return permil(memory, memory_limit); }
std::int64_t Resources::files_permil() const noexcept { return permil(files, files_limit); }

bool Overload::update(const config::Overload& marks, const Resources& now, std::int64_t now_ms) {
  const Stage before = stage_;
  if (!marks.enabled) {
    stage_ = Stage::none;
    return before != stage_;
  }
  for (Stage stage = Stage::refuse_requests; stage > stage_; stage = below(stage)) {
    const std::string_view reason = reason_for(marks_of(marks, stage), now, 10);
    if (reason.empty()) continue;
    stage_ = stage;
    reason_ = reason;
    needed_ms_ = now_ms;
    return true;
  }
  if (stage_ == Stage::none) return false;
  if (!reason_for(marks_of(marks, stage_), now, 9).empty()) {
    needed_ms_ = now_ms;
  } else if (now_ms - needed_ms_ >= kCalmMs) {
    stage_ = below(stage_);
    needed_ms_ = now_ms;
  }
  return before != stage_;
}

}  // namespace postern::server
