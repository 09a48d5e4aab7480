// An answer of postern's own: a status with a reason, or a route's fixed text. Steps return one; only the pipeline
// writes it. A value of views: texts are static, the route's, or the request context's.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "metrics/kinds.h"

namespace postern::proxy {

struct Reply {
  std::uint16_t status = 500;
  metrics::Reason reason = metrics::Reason::none;  // none: not an error
  std::string_view detail{};                       // static text for the problem document
  std::string_view body{};                         // fixed replies; errors write their own
  std::string_view content_type{};
  std::string_view header_name{};  // one more field (Allow, Location, Retry-After)
  std::string_view header_value{};
  std::array<std::pair<std::string_view, std::string_view>, 2> more{};  // and further ones; empty names: none
};

}  // namespace postern::proxy
