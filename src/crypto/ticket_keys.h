// The keys that encrypt session tickets: one in use, two older ones still accepted. Shared by every core and kept
// across certificate reloads, so that a client resumes wherever it lands. Any thread; a lock is held for a copy of 80
// bytes, at handshakes only.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>

namespace postern::crypto {

struct TicketKey {
  static constexpr std::size_t kNameSize = 16;
  std::array<unsigned char, kNameSize> name{};
  std::array<unsigned char, 32> aes{};
  std::array<unsigned char, 32> hmac{};

  TicketKey() = default;
  TicketKey(const TicketKey&) = default;
  TicketKey& operator=(const TicketKey&) = default;
  ~TicketKey();  // wipes
};

class TicketKeys {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// `interval` zero: never rotate. Throws std::runtime_error when the system has no randomness.
  TicketKeys(std::chrono::milliseconds interval, TimePoint now);
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  /// Control thread, now and then: takes a new key when the interval has passed, as often as it has. True: it did.
  bool rotate(TimePoint now);
  void set_interval(std::chrono::milliseconds interval);
  /// How long a ticket may be offered: the two intervals that its key is certain to live on.
  std::chrono::seconds lifetime() const;

  TicketKey current() const;

  struct Found {
    TicketKey key;
    bool is_current = false;  // false: the ticket should be renewed
  };
  std::optional<Found> find(std::span<const unsigned char, TicketKey::kNameSize> name) const;

 private:
  static constexpr std::size_t kKept = 3;

  void push_new_key();

  mutable std::mutex mutex_;
  std::array<TicketKey, kKept> keys_;  // newest first
  std::size_t count_ = 0;
  std::chrono::milliseconds interval_;
  TimePoint rotated_;
};

}  // namespace postern::crypto
