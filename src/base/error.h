// The one error of the request path: what went wrong, on which side, and whether another try could help.
// Trivially copyable, allocates nothing. Any thread.
#pragma once

#include <boost/system/result.hpp>
#include <cstdint>
#include <string_view>

namespace postern {

enum class Code : std::uint8_t {
  ok,
  closed,           // the peer ended the connection in an orderly way
  reset,            // the peer, or the network, broke it
  timeout,          // a deadline passed
  cancelled,        // we stopped it: drain, shutdown, the other side left
  refused,          // connect failed
  unreachable,      // no endpoint, no address
  tls,              // handshake or record failure
  malformed,        // bytes that break the protocol
  not_implemented,  // understood and refused
  too_large,        // a limit was passed
  exhausted,        // out of descriptors, memory, slots
  internal,
};

enum class Side : std::uint8_t { self, downstream, upstream };
enum class Retry : std::uint8_t { never, if_reused, always };

struct Error {
  Code code = Code::internal;
  Side side = Side::self;
  Retry retry = Retry::never;

  friend bool operator==(const Error&, const Error&) = default;
};

std::string_view to_string(Code code) noexcept;
std::string_view to_string(Side side) noexcept;

/// What boost::system::result calls when somebody asks for the value of a failure: a bug of ours.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

template <class T>
using Result = boost::system::result<T, Error>;

}  // namespace postern
