// The queue between a core and the writer: order, wrap, drops, and two threads at once.
#include "base/byte_ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>

#include "accesslog/record.h"

namespace postern::accesslog {
namespace {

bool push(ByteRing& ring, std::string_view text) {
  char* place = ring.reserve(text.size());
  if (place == nullptr) return false;
  std::memcpy(place, text.data(), text.size());
  ring.commit(text.size());
  return true;
}

std::string pop(ByteRing& ring) {
  ring.refresh();
  const auto bytes = ring.front();
  std::string text(bytes.begin(), bytes.end());
  if (!bytes.empty()) ring.pop();
  return text;
}

TEST(AccessRing, KeepsOrderOverManyWraps) {
  ByteRing ring(8192);
  EXPECT_FALSE(ring.refresh());
  int written = 0;
  for (int round = 0; round < 2000; ++round) {
    const int first = written;
    while (written - first < 1 + round % 5) {
      ASSERT_TRUE(push(ring, std::string(1 + static_cast<std::size_t>(written) % 700, 'a') + std::to_string(written)));
      ++written;
    }
    for (int i = first; i < written; ++i) {
      EXPECT_EQ(pop(ring), std::string(1 + static_cast<std::size_t>(i) % 700, 'a') + std::to_string(i));
    }
    EXPECT_EQ(pop(ring), "");
  }
  EXPECT_EQ(ring.dropped(), 0U);
}

TEST(AccessRing, DropsAndCountsWhenFull) {
  ByteRing ring(4096);
  std::size_t held = 0;
  while (push(ring, std::string(500, 'x'))) ++held;
  EXPECT_EQ(held, 8U);  // 512 each
  EXPECT_FALSE(push(ring, "y"));
  EXPECT_EQ(ring.dropped(), 2U);
  EXPECT_TRUE(ring.is_half_full());
  EXPECT_EQ(pop(ring).size(), 500U);
  EXPECT_TRUE(push(ring, "y"));
  for (std::size_t i = 1; i < held; ++i) pop(ring);
  EXPECT_EQ(pop(ring), "y");
  EXPECT_FALSE(ring.is_half_full());
}

TEST(AccessRing, RefusesWhatIsTooLargeForIt) {
  ByteRing ring(4096);
  EXPECT_FALSE(push(ring, std::string(1025, 'x')));
  EXPECT_TRUE(push(ring, std::string(1024, 'x')));
}

TEST(AccessRing, FrontSeesOnlyWhatRefreshSaw) {
  ByteRing ring(4096);
  push(ring, "one");
  EXPECT_TRUE(ring.refresh());
  push(ring, "two");
  ring.front();
  ring.pop();
  EXPECT_TRUE(ring.front().empty());
  EXPECT_EQ(pop(ring), "two");
}

/// For TSan as well: every record arrives once, in order and whole, or is counted as dropped.
TEST(AccessRing, ConcurrentProducerConsumer) {
  constexpr std::uint64_t kRecords = 20'000;
  ByteRing ring(64 << 10);
  std::atomic<bool> done{false};
  std::uint64_t accepted = 0;
  std::jthread producer([&] {
    const std::string target(300, 't');
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      AccessRecord record;
      record.bytes_out = i;
      record.target = std::string_view(target).substr(0, i % 300);
      if (append(ring, record)) ++accepted;
      if (i % 64 == 0) std::this_thread::yield();
    }
    done.store(true, std::memory_order_release);
  });
  std::uint64_t seen = 0, next = 0;
  for (bool last = false; !last;) {
    last = done.load(std::memory_order_acquire);
    ring.refresh();
    for (auto bytes = ring.front(); !bytes.empty(); bytes = ring.front()) {
      DecodedRecord decoded;
      ASSERT_TRUE(decode(bytes, decoded));
      ASSERT_GE(decoded.record.bytes_out, next);
      next = decoded.record.bytes_out + 1;
      ASSERT_EQ(decoded.record.target, std::string(decoded.record.bytes_out % 300, 't'));
      ++seen;
      ring.pop();
    }
  }
  producer.join();
  EXPECT_EQ(seen, accepted);
  EXPECT_EQ(seen + ring.dropped(), kRecords);
}

}  // namespace
}  // namespace postern::accesslog
