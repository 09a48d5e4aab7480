#include "base/error.h"

#include <stdexcept>
#include <string>

namespace postern {

std::string_view to_string(Code code) noexcept {
  switch (code) {
    case Code::ok:
      return "ok";
    case Code::closed:
      return "closed";
    case Code::reset:
      return "reset";
    case Code::timeout:
      return "timeout";
    case Code::cancelled:
      return "cancelled";
    case Code::refused:
      return "refused";
    case Code::unreachable:
      return "unreachable";
    case Code::tls:
      return "tls";
    case Code::malformed:
      return "malformed";
    case Code::not_implemented:
      return "not_implemented";
    case Code::too_large:
      return "too_large";
    case Code::exhausted:
      return "exhausted";
    case Code::internal:
      return "internal";
  }
  return "internal";
}

std::string_view to_string(Side side) noexcept {
  switch (side) {
    case Side::self:
      return "self";
    case Side::downstream:
      return "downstream";
    case Side::upstream:
      return "upstream";
  }
  return "self";
}

void throw_exception_from_error(const Error& error, const boost::source_location& where) {
  throw std::logic_error("value of a failed result (" + std::string(to_string(error.code)) + ") at " +
                         where.file_name() + ":" + std::to_string(where.line()));
}

}  // namespace postern
