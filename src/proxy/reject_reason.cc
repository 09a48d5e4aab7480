// Sorts the parsers' static texts into the metrics' reasons, by what they name. Only refused requests come here.

#include <array>
#include <string_view>

#include "proxy/failure.h"

namespace postern::proxy {

using metrics::Reason;

namespace {

struct Rule {
  std::string_view part;
  Reason reason;
};

// The first part that the text contains decides.
constexpr std::array<Rule, 19> kRules{{{"WebSocket", Reason::bad_websocket},
                                       {"Transfer-Encoding with", Reason::framing_conflict},
                                       {"repeated framing", Reason::framing_conflict},
                                       {"Content-Length", Reason::bad_content_length},
                                       {"Transfer-Encoding", Reason::bad_transfer_encoding},
                                       {"Host", Reason::bad_host},
                                       {"authority", Reason::bad_host},
                                       {"trailer", Reason::bad_trailer},
                                       {"chunk", Reason::bad_chunk},
                                       {"method", Reason::bad_method},
                                       {"version", Reason::bad_version},
                                       {"path", Reason::bad_target},
                                       {"query", Reason::bad_target},
                                       {"target", Reason::bad_target},
                                       {"dot segment", Reason::bad_target},
                                       {"request line", Reason::bad_request_line},
                                       {"field", Reason::bad_header},
                                       {"within the body", Reason::truncated_body},
                                       {"within the head", Reason::bad_request_line}}};

}  // namespace

Reason reject_reason(std::uint16_t status, std::string_view text) noexcept {
  switch (status) {
    case 408:
      return text.find("body") != std::string_view::npos ? Reason::body_timeout : Reason::header_timeout;
    case 413:
      return Reason::body_too_large;
    case 414:
      return Reason::target_too_long;
    case 417:
      return Reason::expectation_failed;
    case 431:
      return Reason::headers_too_large;
    case 501:
      return Reason::not_implemented;
    case 505:
      return Reason::version_unsupported;
    default:
      break;
  }
  for (const Rule& rule : kRules) {
    if (text.find(rule.part) != std::string_view::npos) return rule.reason;
  }
  return Reason::bad_request;
}

}  // namespace postern::proxy
