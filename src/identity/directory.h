// Looks up the groups of callers whose tokens have no room for them (Entra's overage), on a thread of its own: once for
// all requests that wait, so many people at a time, and not again for a few minutes. Owned by the server; apply() is
// the control thread's, ask() and status() anybody's. No thread as long as nobody's groups are looked up.
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
#include "identity/directory_client.h"
#include "net/loop.h"

namespace postern::identity {

/// All groups of somebody.
using Groups = std::shared_ptr<const std::vector<std::string>>;

/// For metrics.
struct DirectoryStatus {
  std::string name;
  std::uint64_t found = 0;
  std::uint64_t failed = 0;
  std::uint64_t not_asked = 0;  // too many at once
};

class Directory {
 public:
  /// On the directory's thread, once. nullptr: they could not be had.
  using Answer = std::function<void(Groups)>;

  static constexpr std::size_t kMostAtOnce = 4;
  static constexpr std::size_t kMostQuestions = 512;
  static constexpr std::size_t kMostKnown = 4096;
  static constexpr std::int64_t kKnownMs = 5 * 60'000;  // for the other cores, and the next token of the same caller
  static constexpr std::int64_t kFailedMs = 5'000;      // then it is tried again

  Directory();
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  /// The issuers from now on. Returns at once.
  void apply(const std::vector<config::Issuer>& issuers);
  /// The groups of somebody, by directory_path_of(), whose token that issuer (by its name in the config) has signed.
  /// Any thread. Never answered when this goes first.
  void ask(std::string issuer, std::string person, Answer answer);

  [[nodiscard]] std::vector<DirectoryStatus> status() const;

  FramePool& frames() noexcept { return loop_.frames(); }

 private:
  struct Wanted;
  struct Asked;  // an issuer

  void run();
  void install(std::vector<Wanted> wanted);
  void take_question(const std::string& issuer, std::string person, Answer answer);
  void leave(std::unique_ptr<Asked> asked);
  void drop_if_idle(Asked& asked);
  Task<void> work(Asked& asked);
  Task<void> end();
  void settle(Asked& asked, const std::string& person, DirectoryClient::Found found);
  void count(const std::string& issuer, std::uint64_t DirectoryStatus::*what);

  // The directory's thread.
  crypto::Library library_;
  net::Loop loop_;
  TaskGroup tasks_;
  TaskGroup last_;
  std::map<std::string, std::unique_ptr<Asked>> asked_;  // by name
  std::vector<std::unique_ptr<Asked>> leaving_;          // until their coroutines have ended

  mutable std::mutex mutex_;
  std::map<std::string, DirectoryStatus> shown_;  // guarded by mutex_

  std::thread thread_;  // control thread
};

}  // namespace postern::identity
