// Keeps the keys of all issuers fresh, on a thread of its own: fetches them ahead of their end, reads files again when
// they change, and looks at once when a token names a key that nobody knows. What comes out is a new IssuerSet, handed
// to whoever wants to publish it. Owned by the server; apply() is the control thread's, ask() and status() anybody's.
// No thread as long as there is no issuer. Does not verify tokens, and does not know about cores.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/task_group.h"
#include "crypto/library.h"
#include "identity/issuer_set.h"
#include "net/loop.h"

namespace postern::net {
class TlsMaterial;
}

namespace postern::identity {

/// For metrics, health and the admin API.
struct IssuerStatus {
  std::string name;
  bool has_keys = false;
  std::size_t keys = 0;
  std::uint64_t fetches_good = 0;
  std::uint64_t fetches_bad = 0;
  std::uint64_t forced = 0;          // for unknown keys
  std::uint64_t forced_refused = 0;  // asked for within the window
  bool is_failing = false;           // the last fetch was bad: what is known is used until it is too old
  std::string error;                 // of the last bad one
};

class IssuerKeeper {
 public:
  using Set = std::shared_ptr<const IssuerSet>;
  /// On the keeper's thread, for every change after apply(). A set with a lower version() than one seen is outdated.
  using Publish = std::function<void(Set)>;
  /// On the keeper's thread, once: whether the keys have been fetched since, with success; if they changed, publish
  /// came first.
  using Answer = std::function<void(bool fetched)>;

  /// Milliseconds, of which only differences count: what is due, and what is too old.
  using Clock = std::int64_t (*)() noexcept;

  static constexpr std::chrono::milliseconds kPatience{5'500};

  explicit IssuerKeeper(Publish publish, Clock clock = coarse_now_ms);
  ~IssuerKeeper();
  IssuerKeeper(const IssuerKeeper&) = delete;
  IssuerKeeper& operator=(const IssuerKeeper&) = delete;

  /// The issuers from now on. Those whose keys come from where they came from keep them. Returns when each of the
  /// others has keys or has failed to get any, or when that has taken too long. Nothing is published meanwhile.
  Set apply(const std::vector<config::Issuer>& issuers, const std::vector<config::RoleMapping>& mappings,
            std::uint64_t max_token);

  /// A token of that issuer (by its name in the config) was signed with a key that is not in its set. Any thread.
  /// Never answered when the keeper goes first.
  void ask(std::string issuer, std::string kid, Answer answer);

  [[nodiscard]] std::vector<IssuerStatus> status() const;
  /// The last fetch of that issuer's keys was bad. Any thread.
  [[nodiscard]] bool is_failing(const std::string& issuer) const;

  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  struct Followed;
  struct Wanted;
  struct Latch;

  void run();
  void install(Set set, std::vector<Wanted> wanted, const std::shared_ptr<Latch>& latch);
  std::unique_ptr<Followed> make_followed(const Wanted& wanted);
  void leave(std::unique_ptr<Followed> followed);
  void answer_question(const std::string& issuer, std::string kid, Answer answer);
  Task<void> follow(Followed& followed);
  Task<void> refresh(Followed& followed);
  Task<void> end();
  void read_file(Followed& followed);
  void take_keys(Followed& followed, std::shared_ptr<const KeySet> keys);
  void note_failure(Followed& followed, const std::string& why);
  void settle(Followed& followed);
  void drop(Followed& followed);
  double random() noexcept;

  const Publish publish_;
  const Clock clock_;

  // The keeper's thread.
  crypto::Library library_;
  net::Loop loop_;
  TaskGroup tasks_;
  TaskGroup last_;
  Random random_;
  std::map<std::string, std::unique_ptr<Followed>> followed_;  // by name
  std::vector<std::unique_ptr<Followed>> leaving_;             // until their coroutine has ended

  mutable std::mutex mutex_;
  Set current_;                                // guarded by mutex_
  bool holding_ = false;                       // guarded by mutex_: apply() waits, and will take current_ itself
  std::map<std::string, IssuerStatus> shown_;  // guarded by mutex_

  std::thread thread_;  // control thread
};

}  // namespace postern::identity
