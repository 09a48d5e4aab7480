// Every text that a parser can refuse a request with has its reason; the texts stand as the parsers write them.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "proxy/failure.h"

namespace postern::proxy {
namespace {

using metrics::Reason;

struct Case {
  int status;
  const char* text;
  Reason reason;
};

const std::vector<Case> kCases = {
    {400, "bad request line", Reason::bad_request_line},
    {400, "connection ended within the head", Reason::bad_request_line},
    {400, "bad method", Reason::bad_method},
    {501, "method too long", Reason::not_implemented},
    {400, "bad protocol version", Reason::bad_version},
    {505, "protocol version not supported", Reason::version_unsupported},
    {400, "bad request target", Reason::bad_target},
    {400, "forbidden byte in the request target", Reason::bad_target},
    {400, "asterisk target without OPTIONS", Reason::bad_target},
    {414, "request line too long", Reason::target_too_long},
    {400, "bad authority in the request target", Reason::bad_host},
    {400, "no Host field", Reason::bad_host},
    {400, "two Host fields", Reason::bad_host},
    {400, "bad Host field", Reason::bad_host},
    {400, "Host differs from the request target", Reason::bad_host},
    {400, "Transfer-Encoding with Content-Length", Reason::framing_conflict},
    {400, "Transfer-Encoding in HTTP/1.0", Reason::bad_transfer_encoding},
    {400, "HTTP/2 preface", Reason::bad_request},
    {400, "two Content-Length fields", Reason::bad_content_length},
    {400, "bad Content-Length", Reason::bad_content_length},
    {400, "two Transfer-Encoding fields", Reason::bad_transfer_encoding},
    {400, "WebSocket handshake without the method GET", Reason::bad_websocket},
    {400, "WebSocket handshake in a version before HTTP/1.1", Reason::bad_websocket},
    {400, "WebSocket handshake without Connection: upgrade", Reason::bad_websocket},
    {400, "WebSocket handshake with a request body", Reason::bad_websocket},
    {400, "WebSocket handshake without a valid Sec-WebSocket-Key field", Reason::bad_websocket},
    {426, "WebSocket version not supported", Reason::bad_websocket},
    {400, "bad Transfer-Encoding", Reason::bad_transfer_encoding},
    {501, "transfer coding not supported", Reason::not_implemented},
    {417, "unknown expectation", Reason::expectation_failed},
    {431, "too many fields", Reason::headers_too_large},
    {431, "header fields too large", Reason::headers_too_large},
    {431, "head too large", Reason::headers_too_large},
    {400, "folded field line", Reason::bad_header},
    {400, "field line without a colon", Reason::bad_header},
    {400, "empty field name", Reason::bad_header},
    {400, "blank before the colon of a field", Reason::bad_header},
    {400, "forbidden byte in a field name", Reason::bad_header},
    {400, "underscore in a field name", Reason::bad_header},
    {400, "bare CR", Reason::bad_request},
    {400, "bare LF", Reason::bad_request},
    {400, "control character", Reason::bad_request},
    {400, "empty lines before the request", Reason::bad_request},
    {400, "bad chunk size", Reason::bad_chunk},
    {400, "chunk size too large", Reason::bad_chunk},
    {400, "bad chunk extension", Reason::bad_chunk},
    {400, "chunk extensions too large", Reason::bad_chunk},
    {400, "bare CR after a chunk size", Reason::bad_chunk},
    {400, "chunk data longer than its size", Reason::bad_chunk},
    {400, "chunk data not followed by CRLF", Reason::bad_chunk},
    {400, "chunked decoder used after its end", Reason::bad_chunk},
    {400, "bare CR after the trailers", Reason::bad_trailer},
    {400, "folded trailer", Reason::bad_trailer},
    {400, "bad trailer name", Reason::bad_trailer},
    {400, "control character in a trailer", Reason::bad_trailer},
    {400, "bare CR in a trailer", Reason::bad_trailer},
    {431, "trailers too large", Reason::headers_too_large},
    {431, "too many trailers", Reason::headers_too_large},
    {413, "body over the limit", Reason::body_too_large},
    {400, "connection ended within the body", Reason::truncated_body},
    {400, "connection broke within the body", Reason::truncated_body},
    {408, "body did not arrive in time", Reason::body_timeout},
    {408, "the request's head did not arrive in time", Reason::header_timeout},
    {400, "path escapes are not UTF-8", Reason::bad_target},
    {400, "forbidden byte in the path", Reason::bad_target},
    {400, "bad percent escape in the path", Reason::bad_target},
    {400, "escaped control character in the path", Reason::bad_target},
    {400, "escaped backslash in the path", Reason::bad_target},
    {400, "escaped slash in the path", Reason::bad_target},
    {400, "escaped slash beside a dot segment", Reason::bad_target},
    {400, "parameter on a dot segment", Reason::bad_target},
    {400, "path climbs above the root", Reason::bad_target},
    {400, "forbidden byte in the query", Reason::bad_target},
    {400, "bad percent escape in the query", Reason::bad_target},
};

TEST(RejectReason, KnowsTheParsersTexts) {
  for (const Case& c : kCases) {
    EXPECT_EQ(metrics::to_string(reject_reason(static_cast<std::uint16_t>(c.status), c.text)),
              metrics::to_string(c.reason))
        << c.text;
  }
}

TEST(RejectReason, AnythingElseIsABadRequest) {
  EXPECT_EQ(reject_reason(400, "something new"), Reason::bad_request);
  EXPECT_EQ(reject_reason(400, ""), Reason::bad_request);
}

TEST(RejectReason, NoTextOfTheParsersIsMissingHere) {
  // Whoever adds a refusal says here what it counts as.
  std::set<std::string> known;
  for (const Case& c : kCases) known.insert(c.text);
  const std::regex refusal("(?:fail|refuse)\\((?:Code::\\w+, )?4\\d\\d, \"([^\"]+)\"");
  for (const char* file : {"h1_parse.cc", "h1_chunked.cc", "h1_body.cc", "ws_handshake.cc"}) {
    std::ifstream in(std::string(POSTERN_SOURCE_DIR) + "/src/wire/" + file);
    std::stringstream text;
    text << in.rdbuf();
    const std::string source = text.str();
    int found = 0;
    for (auto i = std::sregex_iterator(source.begin(), source.end(), refusal); i != std::sregex_iterator();
         ++i, ++found) {
      EXPECT_TRUE(known.count((*i)[1])) << file << ": " << (*i)[1];
    }
    EXPECT_GT(found, 0) << file;
  }
}

}  // namespace
}  // namespace postern::proxy
