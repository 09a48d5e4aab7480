#include "crypto/openssl_error.h"

#include <openssl/err.h>

namespace postern::crypto {

std::string take_openssl_error() {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  std::string text = reason != nullptr ? reason : "unknown error";
  ERR_clear_error();
  return text;
}

}  // namespace postern::crypto
