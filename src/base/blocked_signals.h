// Threads that write files take no signals: those are the control thread's, and with SIGPIPE and SIGXFSZ blocked a
// write that fails just says so.
#pragma once

#include <pthread.h>

#include <csignal>

namespace postern {

/// While it lives, this thread starts threads that have every signal blocked.
class BlockedSignals {
 public:
  BlockedSignals() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace postern
