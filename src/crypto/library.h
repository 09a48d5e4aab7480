// An OpenSSL library context of its own: providers, fetched algorithms and random generators that no other core shares.
// Each core keeps one (about 260 KB, 1 ms to make), because OpenSSL 3.0 threads contend on the default context's locks.
// Made on any thread; must outlive every context and session made from it. A thread that used it calls leave_thread()
// before it ends, or its random generators stay allocated until the process ends.
#pragma once

#include <openssl/types.h>

namespace postern::crypto {

class Library {
 public:
  Library();  // throws std::bad_alloc
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  OSSL_LIB_CTX* get() const noexcept { return context_; }

  void leave_thread() noexcept;

 private:
  OSSL_LIB_CTX* const context_;
};

}  // namespace postern::crypto
