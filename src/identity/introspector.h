// Asks issuers about tokens that only they can read (RFC 7662), on a thread of its own: one question per token, however
// many requests wait for it, so many at a time, and none for a while where nobody answers. Owned by the server; apply()
// is the control thread's, ask() and status() anybody's. No thread as long as no issuer is asked. Remembers nothing of
// what it hears: that is done by the cores that asked.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/task_group.h"
#include "crypto/library.h"
#include "identity/introspection_client.h"
#include "net/loop.h"

namespace postern::identity {

/// For metrics and health.
struct IntrospectionStatus {
  std::string name;
  std::uint64_t active = 0;
  std::uint64_t inactive = 0;
  std::uint64_t failed = 0;
  std::uint64_t not_asked = 0;  // too many at once, or it was failing
  std::uint64_t waiting = 0;    // requests, at this moment
  bool is_failing = false;
};

class Introspector {
 public:
  using Token = std::shared_ptr<const crypto::SecretText>;
  using Said = std::shared_ptr<const IntrospectionAnswer>;
  /// On the introspector's thread, once.
  using Answer = std::function<void(Said)>;
  /// The same thread, before the answers: that issuer's token is not active (any more).
  using Inactive = std::function<void(const std::string& issuer, const Token& token)>;

  static constexpr std::size_t kMostAtOnce = 16;       // questions that are on their way to one issuer
  static constexpr std::size_t kMostQuestions = 1024;  // and those that wait for their turn
  static constexpr std::int64_t kPatienceMs = 2'000;   // then nobody waits any more
  // Where nobody answers that many in a row nobody is asked for a while: requests hear so at once.
  static constexpr unsigned kFailuresInARow = 3;
  static constexpr std::int64_t kRestMs = 1'000;

  explicit Introspector(Inactive inactive);
  ~Introspector();
  Introspector(const Introspector&) = delete;
  Introspector& operator=(const Introspector&) = delete;

  /// The issuers from now on. Returns at once; what is asked later is asked of these.
  void apply(const std::vector<config::Issuer>& issuers);
  /// What that issuer (by its name in the config) says of the token. Any thread. Never answered when this goes first.
  void ask(std::string issuer, Token token, Answer answer);

  [[nodiscard]] std::vector<IntrospectionStatus> status() const;

  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  struct Wanted;
  struct Question;
  struct Asked;  // an issuer

  void run();
  void install(std::vector<Wanted> wanted);
  void take_question(const std::string& issuer, Token token, Answer answer);
  void leave(std::unique_ptr<Asked> asked);
  Task<void> work(Asked& asked);
  Task<void> end();
  void settle(Asked& asked, Question& question, IntrospectionClient::Asked outcome);
  void note(Asked& asked, const IntrospectionClient::Asked& outcome);
  void drop_if_idle(Asked& asked);
  IntrospectionStatus& shown(const std::string& issuer);

  const Inactive inactive_;

  // The introspector's thread.
  crypto::Library library_;
  net::Loop loop_;
  TaskGroup tasks_;
  TaskGroup last_;
  std::map<std::string, std::unique_ptr<Asked>> asked_;  // by name
  std::vector<std::unique_ptr<Asked>> leaving_;          // until their coroutines have ended

  mutable std::mutex mutex_;
  std::map<std::string, IntrospectionStatus> shown_;  // guarded by mutex_

  std::thread thread_;  // control thread
};

}  // namespace postern::identity
