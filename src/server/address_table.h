// Counts the connections of each client address on listeners that limit them. One table per process, any thread: it
// is locked in parts, when a connection comes and goes, and only where there is a limit.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/random.h"
#include "http/address.h"

namespace postern::server {

class AddressTable {
 public:
  struct Key {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::uint32_t listener = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };

  /// A place that a connection has; given back at its end.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : table_(std::exchange(other.table_, nullptr)), key_(other.key_) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(table_, other.table_);
      std::swap(key_, other.key_);
      return *this;
    }
    ~Place() {
      if (table_) table_->give_back(key_);
    }
    explicit operator bool() const noexcept { return table_ != nullptr; }

   private:
    friend class AddressTable;
    Place(AddressTable* table, const Key& key) noexcept : table_(table), key_(key) {}
    AddressTable* table_ = nullptr;
    Key key_;
  };

  AddressTable();
  AddressTable(const AddressTable&) = delete;
  AddressTable& operator=(const AddressTable&) = delete;

  /// Empty: that address has `most` already. Of IPv6 a client has 64 bits to choose from: the others count.
  Place take(std::uint32_t listener, const http::Address& address, std::uint32_t most);
  /// Addresses that have a connection; for tests.
  [[nodiscard]] std::size_t size();

 private:
  static constexpr std::size_t kParts = 64;
  struct Hash {
    Hash() noexcept : seed(0) {}
    explicit Hash(std::uint64_t s) noexcept : seed(s) {}
    std::uint64_t seed;  // strangers choose addresses: they must not know where those end up
    std::size_t operator()(const Key& key) const noexcept;
  };
  using Counts = std::unordered_map<Key, std::uint32_t, Hash>;
  struct alignas(64) Part {
    std::mutex mutex;
    Counts counts;
  };

  Part& part_of(const Key& key) noexcept;
  void give_back(const Key& key) noexcept;

  const Hash hash_{Random().next()};
  std::array<Part, kParts> parts_;
};

}  // namespace postern::server
