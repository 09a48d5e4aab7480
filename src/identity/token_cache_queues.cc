// Who stays in the token cache and who goes: S3-FIFO. A newcomer stands in the small queue; at its end it moves to the
// main one if it was used meanwhile, else it goes and leaves a ghost, by which it is known if it comes back. In the
// main queue each use (three at most) is worth one more round. A flood of tokens that come once passes through the
// small queue only.
#include "identity/token_cache.h"

namespace postern::identity {
namespace {

constexpr std::size_t kSmallShare = 10;  // one in so many entries, and bytes, is on probation
constexpr std::size_t kMostSteps = 1024;

}  // namespace

void TokenCache::push(Queue& queue, Place place) noexcept {
  Entry& entry = entries_[place];
  entry.in_main = &queue == &main_;
  entry.newer = kNone;
  entry.older = queue.newest;
  (queue.newest != kNone ? entries_[queue.newest].newer : queue.oldest) = place;
  queue.newest = place;
  ++queue.count;
  queue.bytes += entry.bytes;
}

void TokenCache::unlink(Place place) noexcept {
  const Entry& entry = entries_[place];
  Queue& queue = entry.in_main ? main_ : small_;
  (entry.newer != kNone ? entries_[entry.newer].older : queue.newest) = entry.older;
  (entry.older != kNone ? entries_[entry.older].newer : queue.oldest) = entry.newer;
  --queue.count;
  queue.bytes -= entry.bytes;
}

void TokenCache::make_room(std::size_t bytes) noexcept {
  std::size_t steps = 0;
  while (size() >= limits_.entries || (size() > 0 && this->bytes() + bytes > limits_.bytes)) {
    // Where everybody deserves to stay, one request must not pay for moving all of them on.
    if (++steps % kMostSteps == 0) {
      push_out(small_.count > 0 ? small_.oldest : main_.oldest);
      continue;
    }
    const bool small_is_full =
        small_.count * kSmallShare >= limits_.entries || small_.bytes * kSmallShare >= limits_.bytes;
    if (small_.count > 0 && (small_is_full || main_.count == 0)) {
      shrink_small();
    } else {
      shrink_main();
    }
  }
}

// Its oldest entry moves on or goes.
void TokenCache::shrink_small() noexcept {
  const Place oldest = small_.oldest;
  Entry& entry = entries_[oldest];
  if (entry.uses > 0) {
    unlink(oldest);
    entry.uses = 0;
    push(main_, oldest);
    return;
  }
  ghosts_[entry.hash.high & (ghosts_.size() - 1)] = entry.hash.low;
  push_out(oldest);
}

void TokenCache::shrink_main() noexcept {
  const Place oldest = main_.oldest;
  Entry& entry = entries_[oldest];
  if (entry.uses > 0) {
    --entry.uses;
    unlink(oldest);
    push(main_, oldest);
    return;
  }
  push_out(oldest);
}

void TokenCache::push_out(Place place) noexcept {
  remove(place);
  ++counters_.pushed_out;
}

bool TokenCache::was_here(const KeyedHash& hash) const noexcept {
  return ghosts_[hash.high & (ghosts_.size() - 1)] == hash.low;
}

}  // namespace postern::identity
