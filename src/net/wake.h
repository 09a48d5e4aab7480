// Tells a core, from any thread, that there is something for it to look at: rings that come before it has looked are
// one. Unlike Loop::post() it allocates nothing. What there is to see has been published before by other means.
#pragma once

#include "net/loop.h"

namespace postern::net {

class Wake {
 public:
  using Run = void (*)(void* owner) noexcept;

  /// On the loop's thread, or before it runs; `run` is called there.
  Wake(Loop& loop, Run run, void* owner);
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;
  /// On the loop's thread, or when it has ended; nobody may ring any more. `run` will not be called.
  ~Wake();

  /// Any thread.
  void ring() noexcept;

 private:
  struct Block;
  class Memory;

  Loop& loop_;
  Block* const block_;  // also held by a handler that has not run
};

}  // namespace postern::net
