// Hop-by-hop fields (RFC 9110 7.6.1): which they are, and stripping those that a Connection field names.
// The pipeline calls it on what was received, before it adds anything of its own. No allocation.
#pragma once

#include <cstdint>

#include "http/fields.h"

namespace postern::http {

constexpr std::uint64_t bit(FieldId id) noexcept { return std::uint64_t{1} << static_cast<unsigned>(id); }

/// Never forwarded as received. (Transfer-Encoding and Content-Length are written anew from the framing.)
inline constexpr std::uint64_t kHopByHop = bit(FieldId::connection) | bit(FieldId::keep_alive) |
                                           bit(FieldId::proxy_connection) | bit(FieldId::te) | bit(FieldId::trailer) |
                                           bit(FieldId::transfer_encoding) | bit(FieldId::upgrade) |
                                           bit(FieldId::proxy_authenticate) | bit(FieldId::proxy_authorization);

/// Removes the fields of kHopByHop and those that Connection names; Host, Content-Length, X-Forwarded-*, Forwarded,
/// X-Real-IP and X-Request-ID cannot be named away. Order of the rest stays. One pass where Connection names none.
void strip_hop_by_hop(Fields& fields) noexcept;

}  // namespace postern::http
