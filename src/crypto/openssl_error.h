// OpenSSL's error queue as short text. The queue belongs to the calling thread and must not live across a suspension.
#pragma once

#include <string>

namespace postern::crypto {

/// The reason of the oldest queued error ("bad signature"), "unknown error" when there is none. Empties the queue.
std::string take_openssl_error();

}  // namespace postern::crypto
