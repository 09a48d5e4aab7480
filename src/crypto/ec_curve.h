// The curves of RFC 7518 section 6.2.1.1: their names and sizes. Constants of crypto's own files.
#pragma once

#include <cstddef>
#include <string_view>

#include "crypto/verify_key.h"

namespace postern::crypto {

struct EcCurve {
  KeyFamily family;
  const char* group;       // as OpenSSL calls it
  std::string_view crv;    // as a JSON Web Key does
  std::size_t bytes;       // of a coordinate, and of r and s
  std::string_view order;  // of the group, big-endian, as many bytes
};

/// nullptr: that family is no curve of these.
const EcCurve* find_curve(KeyFamily family) noexcept;
const EcCurve* find_curve(std::string_view group) noexcept;

}  // namespace postern::crypto
