#include "crypto/ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

namespace postern::crypto {

TicketKey::~TicketKey() {
  OPENSSL_cleanse(aes.data(), aes.size());
  OPENSSL_cleanse(hmac.data(), hmac.size());
}

TicketKeys::TicketKeys(std::chrono::milliseconds interval, TimePoint now) : interval_(interval), rotated_(now) {
  push_new_key();
}

void TicketKeys::push_new_key() {
  TicketKey key;
  if (RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) != 1 ||
      RAND_priv_bytes(key.aes.data(), static_cast<int>(key.aes.size())) != 1 ||
      RAND_priv_bytes(key.hmac.data(), static_cast<int>(key.hmac.size())) != 1) {
    throw std::runtime_error("no random bytes for session ticket keys");
  }
  std::move_backward(keys_.begin(), keys_.end() - 1, keys_.end());
  keys_.front() = key;
  count_ = std::min(count_ + 1, kKept);
}

bool TicketKeys::rotate(TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (interval_ <= interval_.zero() || now - rotated_ < interval_) return false;
  // After a long sleep the older keys have had their time, too; more than kKept new ones would change nothing.
  for (std::size_t i = 0; i < kKept && now - rotated_ >= interval_; ++i) {
    push_new_key();
    rotated_ += interval_;
  }
  if (now - rotated_ >= interval_) rotated_ = now;
  return true;
}

void TicketKeys::set_interval(std::chrono::milliseconds interval) {
  const std::lock_guard lock(mutex_);
  interval_ = interval;
}

std::chrono::seconds TicketKeys::lifetime() const {
  constexpr std::chrono::seconds kLongest = std::chrono::hours(7 * 24);  // RFC 8446, 4.6.1
  const std::lock_guard lock(mutex_);
  if (interval_ <= interval_.zero()) return std::chrono::hours(24);
  return std::clamp(std::chrono::duration_cast<std::chrono::seconds>(2 * interval_), std::chrono::seconds(1), kLongest);
}

TicketKey TicketKeys::current() const {
  const std::lock_guard lock(mutex_);
  return keys_.front();
}

std::optional<TicketKeys::Found> TicketKeys::find(std::span<const unsigned char, TicketKey::kNameSize> name) const {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < count_; ++i) {
    if (std::ranges::equal(keys_[i].name, name)) return Found{keys_[i], i == 0};
  }
  return std::nullopt;
}

}  // namespace postern::crypto
