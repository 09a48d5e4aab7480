// See trail_writer.h.
#include "audit/trail_writer.h"

#include <pthread.h>

#include <algorithm>
#include <ctime>
#include <exception>

#include "base/blocked_signals.h"
#include "base/clock.h"
#include "base/log.h"

namespace postern::audit {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// How long intents that are waited for may gather, where there are several at a time: one alone would just be late. The
// more there are, the longer, since each batch costs two changes of threads and ten system calls; and as long as the
// disk has just taken, which keeps it and the CPU from doing the same for few again and again.
constexpr std::size_t kSeveral = 3;
constexpr microseconds kGather{150}, kGatherForEach{10}, kMostGather{500}, kMostGatherForDisk{2000};
constexpr milliseconds kNap{20};  // and all other records; who waits ends a nap
constexpr std::int64_t kIdleMs = 1000;

std::int64_t now_ms() noexcept { return now_ns() / 1'000'000; }

}  // namespace

void TrailWriter::give(Order order) {
  {
    const std::lock_guard lock(mutex_);
    orders_.push_back(std::move(order));
  }
  has_orders_.store(true, std::memory_order_release);
  bell_.ring();
}

void TrailWriter::add(std::unique_ptr<StreamWriter> stream) {
  Order order;
  order.added = std::move(stream);
  give(std::move(order));
}

void TrailWriter::configure(std::size_t index, const config::AuditStream& settings,
                            std::shared_ptr<const crypto::Ed25519Key> key) {
  Order order;
  order.index = index;
  order.settings = settings;
  order.key = std::move(key);
  give(std::move(order));
}

void TrailWriter::add_lane(std::size_t index, Lane& lane, CoreAudit& core) {
  Order order;
  order.index = index;
  order.lane = &lane;
  order.core = &core;
  give(std::move(order));
}

void TrailWriter::start() {
  if (is_running()) return;
  const BlockedSignals blocked;
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "audit");
}

void TrailWriter::stop(milliseconds bound) noexcept {
  if (!is_running()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_at_ = now_ms() + bound.count();
  }
  has_orders_.store(true, std::memory_order_release);
  bell_.ring();
  thread_.join();
}

void TrailWriter::take_orders() {
  std::vector<Order> orders;
  {
    const std::lock_guard lock(mutex_);
    orders.swap(orders_);
    stopping_at_ = stop_at_;
  }
  if (stopping_at_) {
    for (const auto& stream : streams_) stream->hurry();
  }
  for (Order& order : orders) {
    if (order.added) {
      order.added->open(now_ms());
      streams_.push_back(std::move(order.added));
    } else if (order.lane) {
      streams_[order.index]->add_lane(*order.lane, *order.core);
    } else if (order.settings) {
      streams_[order.index]->configure(*order.settings, std::move(order.key));
    }
  }
}

void TrailWriter::run() noexcept {
  for (;;) {
    StreamWriter::Work round;
    try {
      if (has_orders_.exchange(false, std::memory_order_acquire)) take_orders();
    } catch (const std::exception& failure) {
      log::error("audit: an order was not carried out", {{"error", failure.what()}});
    }
    for (const auto& stream : streams_) {
      const StreamWriter::Work work = stream->work(now_ms());
      round.has_written |= work.has_written;
      round.awaited += work.awaited;
      round.sync_ns = std::max(round.sync_ns, work.sync_ns);
    }
    if (stopping_at_ && (!has_records() || now_ms() >= *stopping_at_)) break;
    if (!stopping_at_) rest(round);
  }
  for (const auto& stream : streams_) stream->close();
}

bool TrailWriter::has_records() noexcept {
  return std::ranges::any_of(streams_, [](const auto& stream) { return stream->has_records(); });
}

void TrailWriter::rest(const StreamWriter::Work& round) noexcept {
  const auto is_failing = [](const auto& stream) { return stream->is_failing(); };
  if (round.awaited >= kSeveral) {
    const auto for_them = std::min(kGather + kGatherForEach * static_cast<std::int64_t>(round.awaited), kMostGather);
    const auto for_disk = std::min(microseconds(round.sync_ns / 1000), kMostGatherForDisk);
    std::this_thread::sleep_for(std::max(for_them, for_disk));
  } else if (round.has_written || std::ranges::any_of(streams_, is_failing)) {
    bell_.nap(kNap);  // also while one fails: cores would ring for each record
  } else {
    std::int64_t until = now_ms() + kIdleMs;
    for (const auto& stream : streams_) until = std::min(until, stream->due_ms());
    const milliseconds at_most(std::max<std::int64_t>(until - now_ms(), 1));
    bell_.wait_idle(at_most, [this] { return has_records() || has_orders_.load(std::memory_order_relaxed); });
  }
}

}  // namespace postern::audit
