#include "crypto/library.h"

#include <openssl/crypto.h>

#include <new>

namespace postern::crypto {

Library::Library() : context_(OSSL_LIB_CTX_new()) {
  if (context_ == nullptr) throw std::bad_alloc();
}

Library::~Library() { OSSL_LIB_CTX_free(context_); }

void Library::leave_thread() noexcept { OPENSSL_thread_stop_ex(context_); }

}  // namespace postern::crypto
