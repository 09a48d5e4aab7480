#include "server/address_table.h"

#include <cstring>

namespace postern::server {

namespace {

AddressTable::Key key_of(std::uint32_t listener, const http::Address& address) noexcept {
  AddressTable::Key key;
  key.listener = listener;
  if (address.size == 16) {
    std::memcpy(&key.high, address.bytes.data(), sizeof key.high);
    key.low = 6;
  } else {
    std::memcpy(&key.high, address.bytes.data(), 4);
    key.low = 4;
  }
  return key;
}

std::uint64_t mix(std::uint64_t x) noexcept {
  x ^= x >> 32;
  x *= 0xe9846af9b1a615d5ULL;
  x ^= x >> 32;
  x *= 0xe9846af9b1a615d5ULL;
  return x ^ (x >> 28);
}

}  // namespace

std::size_t AddressTable::Hash::operator()(const Key& key) const noexcept {
  return mix(mix(key.high ^ seed) + key.low + (std::uint64_t{key.listener} << 32) + seed);
}

AddressTable::AddressTable() {
  for (Part& part : parts_) part.counts = Counts(0, hash_);
}

AddressTable::Part& AddressTable::part_of(const Key& key) noexcept { return parts_[(hash_(key) >> 48) % kParts]; }

AddressTable::Place AddressTable::take(std::uint32_t listener, const http::Address& address, std::uint32_t most) {
  const Key key = key_of(listener, address);
  Part& part = part_of(key);
  const std::lock_guard lock(part.mutex);
  std::uint32_t& count = part.counts[key];
  if (count >= most) return {};
  ++count;
  return {this, key};
}

void AddressTable::give_back(const Key& key) noexcept {
  Part& part = part_of(key);
  const std::lock_guard lock(part.mutex);
  const auto entry = part.counts.find(key);
  if (entry != part.counts.end() && --entry->second == 0) part.counts.erase(entry);
}

std::size_t AddressTable::size() {
  std::size_t total = 0;
  for (Part& part : parts_) {
    const std::lock_guard lock(part.mutex);
    total += part.counts.size();
  }
  return total;
}

}  // namespace postern::server
