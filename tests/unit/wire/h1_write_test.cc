// Canonical serialisation, and that what was written reads back as the same message.
#include "wire/h1_write.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/h1_parse.h"

namespace postern::wire {
namespace {

using http::Framing;

std::string write(const http::RequestHead& head, const RequestWrite& how = {}) {
  const std::size_t bound = request_head_bound(head, how);
  std::vector<char> out(bound);
  const char* end = write_request_head(out.data(), head, how);
  EXPECT_LE(static_cast<std::size_t>(end - out.data()), bound);
  return {out.data(), static_cast<std::size_t>(end - out.data())};
}

std::string write(const http::ResponseHead& head, const ResponseWrite& how = {}) {
  const std::size_t bound = response_head_bound(head, how);
  std::vector<char> out(bound);
  const char* end = write_response_head(out.data(), head, how);
  EXPECT_LE(static_cast<std::size_t>(end - out.data()), bound);
  return {out.data(), static_cast<std::size_t>(end - out.data())};
}

http::RequestHead parse(std::string& bytes) {
  http::RequestHead head;
  const ParseResult r = parse_request_head(bytes.data(), bytes.size(), 0, {}, http::Scheme::http, head);
  EXPECT_EQ(r.status, ParseStatus::complete) << bytes << (r.reason != nullptr ? r.reason : "");
  return head;
}

TEST(RequestWriter, WritesCanonically) {
  std::string bytes =
      "POST /a?b HTTP/1.1\r\nAccept:   x\r\nhOST: h:80\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\n"
      "Trailer: X\r\nUpgrade: h2c\r\nProxy-Authorization: x\r\nExpect: 100-continue\r\ncontent-length: 007\r\n"
      "Connection: keep-alive\r\nX-Y:z\t\r\n\r\n";
  const http::RequestHead head = parse(bytes);
  EXPECT_EQ(write(head), "POST /a?b HTTP/1.1\r\nHost: h:80\r\nAccept: x\r\nX-Y: z\r\nContent-Length: 7\r\n\r\n");
  EXPECT_EQ(write(head, {.host = "other", .close = true, .te_trailers = true, .expect_continue = true}),
            "POST /a?b HTTP/1.1\r\nHost: other\r\nAccept: x\r\nX-Y: z\r\nContent-Length: 7\r\n"
            "Expect: 100-continue\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n");
}

TEST(RequestWriter, FramingComesFromTheHeadAlone) {
  std::string chunked = "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: CHUNKED\r\n\r\n";
  EXPECT_EQ(write(parse(chunked)), "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::string get = "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(write(parse(get)), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  for (const std::string method : {"POST", "PUT", "PATCH"}) {
    std::string bytes = method + " / HTTP/1.1\r\nHost: h\r\n\r\n";
    EXPECT_EQ(write(parse(bytes)), method + " / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  }
}

TEST(RequestWriter, AsteriskForm) {
  std::string bytes = "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ(write(parse(bytes), {.close = true}), "OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
}

TEST(RequestWriter, RoundTripKeepsTheMessage) {
  const std::string inputs[] = {
      "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET http://H:80/a/b?c=d HTTP/1.1\r\nHost: h\r\nX: 1\r\nx: 2\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9223372036854775807\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close, x\r\n\r\n",
      "DELETE /x HTTP/1.0\r\nHost: [::1]:80\r\nContent-Length: 3\r\n\r\n",
      "FROB /%41 HTTP/1.1\r\nHost: h\r\nLong-Name-Of-A-Field: " + std::string(300, 'v') + "\r\nEmpty:\r\n\r\n",
  };
  for (const std::string& input : inputs) {
    std::string bytes = input;
    const http::RequestHead first = parse(bytes);
    std::string written = write(first);
    const http::RequestHead second = parse(written);
    EXPECT_EQ(second.framing, first.framing) << input;
    EXPECT_EQ(second.content_length, first.content_length);
    EXPECT_EQ(second.method_token, first.method_token);
    EXPECT_EQ(second.path, first.path);
    EXPECT_EQ(second.query, first.query);
    EXPECT_EQ(second.authority, first.authority);
    EXPECT_EQ(write(second), written) << "writing is idempotent";
  }
}

http::ResponseHead response(std::uint16_t status, Framing framing, std::uint64_t length = 0) {
  http::ResponseHead head;
  head.status = status;
  head.framing = framing;
  head.content_length = length;
  return head;
}

TEST(ResponseWriter, Framing) {
  EXPECT_EQ(write(response(200, Framing::length, 5)), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(write(response(404, Framing::none)), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(write(response(200, Framing::chunked)), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(write(response(200, Framing::until_close)), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(write(response(204, Framing::none)), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(write(response(204, Framing::length, 5)), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(write(response(103, Framing::none)), "HTTP/1.1 103 Early Hints\r\n\r\n");
  EXPECT_EQ(write(response(599, Framing::none)), "HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n");
}

TEST(ResponseWriter, I11InformationalLengthOnlyForHeadAnd304) {
  http::ResponseHead head = response(200, Framing::none);
  head.fields.add("content-length", "0042");
  EXPECT_EQ(write(head, {.to_head = true}), "HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n");
  EXPECT_EQ(write(head), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  head.status = 304;
  EXPECT_EQ(write(head), "HTTP/1.1 304 Not Modified\r\nContent-Length: 42\r\n\r\n");
  head.status = 204;
  EXPECT_EQ(write(head, {.to_head = true}), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(write(response(200, Framing::none), {.to_head = true}), "HTTP/1.1 200 OK\r\n\r\n");
}

TEST(ResponseWriter, I3HopByHopStays) {
  http::ResponseHead head = response(200, Framing::none);
  for (const char* name : {"Connection", "Keep-Alive", "Transfer-Encoding", "Trailer", "Upgrade", "Proxy-Authenticate",
                           "TE", "Proxy-Connection"}) {
    head.fields.add(name, "x");
  }
  head.fields.add("Set-Cookie", "a");
  head.fields.add("Set-Cookie", "b");
  EXPECT_EQ(write(head, {.connection = Persistence::keep_alive}),
            "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
}

TEST(ChunkWriter, Prefixes) {
  const auto prefix = [](std::uint64_t size) {
    char out[kChunkPrefixMax];
    return std::string(out, static_cast<std::size_t>(write_chunk_prefix(out, size) - out));
  };
  EXPECT_EQ(prefix(1), "1\r\n");
  EXPECT_EQ(prefix(15), "f\r\n");
  EXPECT_EQ(prefix(16), "10\r\n");
  EXPECT_EQ(prefix(65536), "10000\r\n");
  EXPECT_EQ(prefix(~std::uint64_t{0}), "ffffffffffffffff\r\n");
}

TEST(ChunkWriter, LastChunkWithTrailers) {
  http::Fields trailers;
  trailers.add("X-Checksum", "abc");
  trailers.add("Content-Length", "5");
  std::vector<char> out(last_chunk_bound(trailers));
  const char* end = write_last_chunk(out.data(), trailers);
  EXPECT_EQ(std::string(out.data(), static_cast<std::size_t>(end - out.data())), "0\r\nX-Checksum: abc\r\n\r\n");
}

TEST(Decimal, Writes) {
  for (const std::uint64_t n : {std::uint64_t{0}, std::uint64_t{9}, std::uint64_t{10}, std::uint64_t{99},
                                std::uint64_t{100}, std::uint64_t{1001}, ~std::uint64_t{0}}) {
    char out[20];
    EXPECT_EQ(std::string(out, static_cast<std::size_t>(write_decimal(out, n) - out)), std::to_string(n));
  }
}

}  // namespace
}  // namespace postern::wire
