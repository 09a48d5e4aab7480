// Requests of one core that wait for the keys of an issuer: a token named a key that nobody knows (yet). Each new set
// of keys wakes all of them to look again; so does the news that there will be none. Another one of these holds those
// that wait for what an issuer says of their token, a third those whose groups are looked up. One core only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "identity/introspection.h"
#include "net/loop.h"
#include "net/signal.h"

namespace postern::proxy {

class KeyWaiters {
 public:
  /// Asks whoever fetches keys for that one of an issuer (or about that token); from any core, never waits. The answer
  /// comes by answered().
  using Ask = std::function<void(const std::string& issuer, std::string_view what, std::uint64_t place)>;

  static constexpr std::size_t kMost = 1024;  // that wait at a time; further ones are told to come again
  static constexpr std::int64_t kPatienceMs = 2000;

  class Place {
   public:
    Place(KeyWaiters& owner, net::Loop& loop) noexcept;
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    net::Signal signal;
    /// Whether what is known now is what the issuer says; false: it could not be asked.
    bool is_sure = false;
    /// What the issuer has said of the token, where that was the question; nullptr: nothing (yet).
    std::shared_ptr<const identity::IntrospectionAnswer> said;
    /// All groups of the caller, where those were missing; nullptr: they could not be had (yet).
    std::shared_ptr<const std::vector<std::string>> groups;

   private:
    friend class KeyWaiters;
    KeyWaiters& owner_;
    Place* previous_ = nullptr;
    Place* next_ = nullptr;
    std::uint64_t number_ = 0;
  };

  void set_ask(Ask ask) { ask_ = std::move(ask); }
  [[nodiscard]] bool can_ask() const noexcept { return ask_ && count_ < kMost; }
  void ask(const Place& place, const std::string& issuer, std::string_view what) const {
    ask_(issuer, what, place.number_);
  }
  /// To who waits there, if somebody still does. Keys that have come are installed by then.
  void answered(std::uint64_t place, bool is_sure, std::shared_ptr<const identity::IntrospectionAnswer> said = nullptr,
                std::shared_ptr<const std::vector<std::string>> groups = nullptr) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  Ask ask_;
  Place* first_ = nullptr;
  std::size_t count_ = 0;
  std::uint64_t numbers_ = 0;
};

}  // namespace postern::proxy
