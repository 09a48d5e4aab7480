// Requests of one core that wait for the keys of an issuer: a token named a key that nobody knows (yet). Each new set
// of keys wakes all of them to look again; so does the news that there will be none. One core only.
#pragma once

#include <cstddef>
#include <functional>

#include "net/loop.h"
#include "net/signal.h"

namespace postern::proxy {

class KeyWaiters {
 public:
  /// Asks whoever fetches keys for those of an issuer; from any core, never waits.
  using Ask = std::function<void(std::uint64_t generation, std::size_t issuer)>;

  static constexpr std::size_t kMost = 1024;  // that wait at a time; further ones are told to come again
  static constexpr std::int64_t kPatienceMs = 2000;

  class Place {
   public:
    Place(KeyWaiters& owner, net::Loop& loop) noexcept;
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    net::Signal signal;

   private:
    friend class KeyWaiters;
    KeyWaiters& owner_;
    Place* previous_ = nullptr;
    Place* next_ = nullptr;
  };

  void set_ask(Ask ask) { ask_ = std::move(ask); }
  [[nodiscard]] bool can_ask() const noexcept { return ask_ && count_ < kMost; }
  void ask(std::uint64_t generation, std::size_t issuer) const { ask_(generation, issuer); }
  /// There is news.
  void wake() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  Ask ask_;
  Place* first_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace postern::proxy
