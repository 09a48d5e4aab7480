// The strict head parser against the catalogue of hostile inputs; each row's id stands with its inputs.
// Every input of every table is also fed in two pieces cut at every byte, and byte by byte: same outcome.
// Long on purpose: one table per row group of the catalogue, and the harness that cuts every input everywhere.
#include "wire/h1_parse.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace postern::wire {
namespace {

using http::Framing;
using http::Method;
using http::Scheme;

struct Outcome {
  ParseStatus status = ParseStatus::need_more;
  std::size_t consumed = 0;
  int http_status = 0;
  std::string reason;
  std::string summary;  // of a complete head

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& o) {
  return out << static_cast<int>(o.status) << " consumed " << o.consumed << " status " << o.http_status << " "
             << o.reason << " [" << o.summary << "]";
}

std::string summary_of(const http::Fields& fields) {
  std::string text;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    text += std::string(fields[i].name) + "=" + std::string(fields[i].value) + ";";
  }
  return text;
}

std::string summary_of(const http::RequestHead& h) {
  const std::string sep = "|";
  return std::string(h.method_token) + sep + std::string(h.target) + sep + std::string(h.authority) + sep +
         std::string(h.host) + sep + std::string(h.path) + sep + std::string(h.query) + sep +
         std::to_string(h.content_length) + sep + std::to_string(static_cast<int>(h.framing)) + sep +
         std::to_string(h.minor_version) + (h.keep_alive ? "k" : "-") + (h.expect_continue ? "e" : "-") +
         (h.accepts_trailers ? "t" : "-") + sep + summary_of(h.fields);
}

std::string summary_of(const http::ResponseHead& h) {
  return std::to_string(h.status) + "|" + std::string(h.reason) + "|" + std::to_string(h.content_length) + "|" +
         std::to_string(static_cast<int>(h.framing)) + "|" + std::to_string(h.minor_version) +
         (h.keep_alive ? "k" : "-") + "|" + summary_of(h.fields);
}

struct Side {
  bool request = true;
  HeadLimits limits{};
  Scheme scheme = Scheme::http;
  Method method = Method::get;
};

// Each call sees an exact copy of the bytes on the heap, so that ASan finds a read past them.
Outcome parse_at(const std::string& bytes, std::size_t size, std::size_t scanned, const Side& side) {
  auto copy = std::make_unique<char[]>(size + 1);
  char* data = copy.get() + 1;  // and unaligned
  std::memcpy(data, bytes.data(), size);
  Outcome outcome;
  ParseResult r;
  if (side.request) {
    http::RequestHead head;
    r = parse_request_head(data, size, scanned, side.limits, side.scheme, head);
    if (r.status == ParseStatus::complete) outcome.summary = summary_of(head);
  } else {
    http::ResponseHead head;
    r = parse_response_head(data, size, scanned, side.limits, side.method, head);
    if (r.status == ParseStatus::complete) outcome.summary = summary_of(head);
  }
  outcome.status = r.status;
  outcome.consumed = r.consumed;
  outcome.http_status = r.http_status;
  outcome.reason = r.reason != nullptr ? r.reason : "";
  return outcome;
}

Outcome parse_cut(const std::string& bytes, const std::vector<std::size_t>& cuts, const Side& side) {
  std::size_t scanned = 0;
  for (const std::size_t cut : cuts) {
    const Outcome outcome = parse_at(bytes, cut, scanned, side);
    if (outcome.status != ParseStatus::need_more) return outcome;
    scanned = cut;
  }
  return parse_at(bytes, bytes.size(), scanned, side);
}

/// The outcome, after checking that no way of cutting the bytes changes it.
Outcome parse(const std::string& bytes, const Side& side = {}) {
  const Outcome whole = parse_at(bytes, bytes.size(), 0, side);
  const std::size_t step = bytes.size() > 2000 ? 97 : 1;
  std::vector<std::size_t> all;
  for (std::size_t cut = 1; cut < bytes.size(); cut += step) {
    all.push_back(cut);
    EXPECT_EQ(whole, parse_cut(bytes, {cut}, side)) << "cut at " << cut << " of: " << bytes.substr(0, 300);
    EXPECT_EQ(whole, parse_cut(bytes, {cut, std::min(cut + 2, bytes.size())}, side)) << "cut at " << cut;
  }
  EXPECT_EQ(whole, parse_cut(bytes, all, side)) << "in steps of: " << bytes.substr(0, 300);
  return whole;
}

http::RequestHead head_of(std::string& bytes, Scheme scheme = Scheme::http) {
  http::RequestHead head;
  const ParseResult r = parse_request_head(bytes.data(), bytes.size(), 0, {}, scheme, head);
  EXPECT_EQ(r.status, ParseStatus::complete) << bytes << (r.reason != nullptr ? r.reason : "");
  EXPECT_EQ(parse(bytes, {.scheme = scheme}).status, ParseStatus::complete);
  return head;
}

std::string post(const std::string& fields) { return "POST /p HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n"; }
std::string get(const std::string& fields) { return "GET /p HTTP/1.1\r\n" + fields + "\r\n"; }
std::string line(const std::string& request_line) { return request_line + "\r\nHost: h\r\n\r\n"; }

struct Row {
  const char* id;
  std::string bytes;
  int status;  // 0: complete
};

void check(const std::vector<Row>& rows, const Side& side = {}) {
  for (const Row& row : rows) {
    const Outcome outcome = parse(row.bytes, side);
    EXPECT_EQ(outcome.http_status, row.status) << row.id << ": " << row.bytes.substr(0, 300) << " -> " << outcome;
    EXPECT_EQ(outcome.status, row.status == 0 ? ParseStatus::complete : ParseStatus::failed) << row.id;
    if (row.status != 0) {
      EXPECT_FALSE(outcome.reason.empty()) << row.id;
    }
  }
}

using namespace std::string_literals;

TEST(RequestHead, ReadsEveryPart) {
  std::string bytes =
      "POST /v1/models/m:predict?x=1&y=2 HTTP/1.1\r\nHost: Models.Example.com:8080\r\nContent-Length: 12\r\n"
      "Expect: 100-continue\r\nTE: trailers\r\nX-Thing:\t a b \t\r\nEmpty:\r\n\r\nbody-follows";
  const http::RequestHead h = head_of(bytes);
  EXPECT_EQ(h.method, Method::post);
  EXPECT_EQ(h.method_token, "POST");
  EXPECT_EQ(h.target, "/v1/models/m:predict?x=1&y=2");
  EXPECT_EQ(h.path, "/v1/models/m:predict");
  EXPECT_EQ(h.query, "?x=1&y=2");
  EXPECT_EQ(h.authority, "Models.Example.com:8080");
  EXPECT_EQ(h.host, "Models.Example.com");
  EXPECT_EQ(h.framing, Framing::length);
  EXPECT_EQ(h.content_length, 12U);
  EXPECT_TRUE(h.keep_alive);
  EXPECT_TRUE(h.expect_continue);
  EXPECT_TRUE(h.accepts_trailers);
  ASSERT_EQ(h.fields.size(), 6U);
  EXPECT_EQ(h.fields.find("x-thing"), "a b");
  EXPECT_EQ(h.fields.find("empty"), "");
  EXPECT_NE(h.fields.find("empty").data(), nullptr);
}

TEST(RequestHead, ConsumesExactlyTheHead) {
  const std::string head = get("Host: h\r\n");
  EXPECT_EQ(parse(head + "GET /next").consumed, head.size());
  EXPECT_EQ(parse("\r\n" + head + "rest").consumed, head.size() + 2);
}

TEST(RequestHead, F1ToF8TransferEncoding) {
  check({
      {"F1", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"F1", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
      {"F2", post("Transfer-Encoding: gzip\r\n"), 501},
      {"F2", post("Transfer-Encoding: xchunked\r\n"), 501},
      {"F2", post("Transfer-Encoding: identity\r\n"), 501},
      {"F2", post("Transfer-Encoding:\r\n"), 400},
      {"F2", post("Transfer-Encoding: \"chunked\"\r\n"), 400},
      {"F3", post("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n"), 400},
      {"F4", post("Transfer-Encoding: chunked, gzip\r\n"), 400},
      {"F4", post("Transfer-Encoding: chunked, chunked\r\n"), 400},
      {"F4", post("Transfer-Encoding: chunked;x=1\r\n"), 400},
      {"F4", post("Transfer-Encoding: chunked foo\r\n"), 400},
      {"F5", post("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"F6", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"F6", post("Transfer-Encoding: gzip\r\ntransfer-encoding: chunked\r\n"), 400},
      {"F7", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"F8", post("Transfer-Encoding: ,chunked\r\n"), 400},
      {"F8", post("Transfer-Encoding: chunked,\r\n"), 400},
      {"F8", post("Transfer-Encoding:\tchunked\r\n"), 0},
      {"F8", post("Transfer-Encoding: cHuNkEd  \r\n"), 0},
  });
}

TEST(RequestHead, F9BytesAroundChunked) {
  for (const char c : "\x0b\x0c\x85\xa0\xff\x7f\x01"s) {
    check({{"F9", post("Transfer-Encoding: chunked"s + c + "\r\n"), 400},
           {"F9", post("Transfer-Encoding: "s + c + "chunked\r\n"), 400}});
  }
  check(
      {{"F9", post("Transfer-Encoding: chunked\0\r\n"s), 400}, {"F9", post("Transfer-Encoding: \0chunked\r\n"s), 400}});
}

TEST(RequestHead, F10FoldedLines) {
  check({
      {"F10", post("Transfer-Encoding:\r\n chunked\r\n"), 400},
      {"F10", post("Content-Length:\r\n\t5\r\n"), 400},
      {"F10", post("X: a\r\n b\r\n"), 400},
      {"F10", post("X: a\r\n\tb\r\n"), 400},
      {"F10", post("X: a\r\n \r\n"), 400},
  });
}

TEST(RequestHead, F11ToF14ContentLength) {
  check({
      {"F11", post("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
      {"F11", post("Content-Length: 5, 6\r\n"), 400},
      {"F12", post("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
      {"F12", post("Content-Length: 5, 5\r\n"), 400},
      {"F13", post("Content-Length: 9223372036854775808\r\n"), 400},
      {"F13", post("Content-Length: 18446744073709551616\r\n"), 400},
      {"F13", post("Content-Length: 99999999999999999999999999\r\n"), 400},
      {"F13", post("Content-Length: 9223372036854775807\r\n"), 0},
      {"F14", post("Content-Length: 005\r\n"), 0},
      {"F14", post("Content-Length: 00\r\n"), 0},
  });
  for (const char* bad : {"+5", "-1", "-0", "0x5", "0o5", "1_0", "1Z", "1 0", "", "5;", "5.0", "\"5\"", "\xb2"}) {
    check({{"F13", post("Content-Length: "s + bad + "\r\n"), 400}});
  }
}

TEST(RequestHead, F14LeadingZerosAreDecimal) {
  std::string bytes = post("Content-Length: 0010\r\n");
  EXPECT_EQ(head_of(bytes).content_length, 10U);
}

TEST(RequestHead, F15UnderscoreNames) {
  check({
      {"F15", post("Content_Length: 5\r\n"), 400},
      {"F15", post("Transfer_Encoding: chunked\r\n"), 400},
      {"F15", post("Content-Length\x85: 5\r\n"), 400},
  });
  HeadLimits drop;
  drop.underscores = config::Underscores::drop;
  std::string bytes = post("Content_Length: 5\r\nX_User: root\r\nX-Kept: 1\r\n");
  EXPECT_EQ(parse(bytes, {.limits = drop}).status, ParseStatus::complete);
  http::RequestHead head;
  parse_request_head(bytes.data(), bytes.size(), 0, drop, Scheme::http, head);
  EXPECT_EQ(head.fields.size(), 2U);
  EXPECT_EQ(head.framing, Framing::none);
}

TEST(RequestHead, F24AndF25BodiesByTheirFramingAlone) {
  std::string with_body = "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
  EXPECT_EQ(head_of(with_body).framing, Framing::length);
  std::string without = post("");
  EXPECT_EQ(head_of(without).framing, Framing::none);
  std::string zero = post("Content-Length: 0\r\n");
  EXPECT_EQ(head_of(zero).framing, Framing::none);
  std::string chunked = "DELETE / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(head_of(chunked).framing, Framing::chunked);
}

TEST(RequestHead, S1ForbiddenBytes) {
  check({
      {"S1", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
      {"S1", "GET / HTTP/1.1\r\nHost: h\n\r\n", 400},
      {"S1", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
      {"S1", "GET / HTTP/1.1\rHost: h\r\n\r\n", 400},
      {"S1", get("Host: h\r\nX: a\rb\r\n"), 400},
      {"S1", get("Host: h\r\nX\r: a\r\n"), 400},
      {"S1", get("Host: h\r\nX: a\0b\r\n"s), 400},
      {"S1", get("Host: h\r\nX\0: a\r\n"s), 400},
      {"S1", get("Host: h\r\n\rX: a\r\n"), 400},
      {"S1", get("Host: h\r\nX: a\tb\r\n"), 0},
      {"S1", get("Host: h\r\nX: caf\xc3\xa9 \xff\r\n"), 0},
      {"S1", "GET / HTTP/1.1\r\nHost: h\r\n\rX", 400},
      {"S1", "\n", 400},
      {"S1", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
  });
  for (int c = 1; c < 0x20; ++c) {
    if (c == '\t') continue;
    check({{"S1", get("Host: h\r\nX: a"s + static_cast<char>(c) + "b\r\n"), 400}});
  }
  check({{"S1", get("Host: h\r\nX: a\x7f\r\n"), 400}});
}

TEST(RequestHead, S1FailsBeforeTheHeadEnds) {
  for (const std::string& start : {"GET / HTTP/1.1\nHost"s, "GET /\x01"s, "GET / HTTP/1.1\r\nHost: h\n"s,
                                   "\x16\x03\x01\x02"s, "GET / HTTP/1.1\r\nX: a\rb"s, "GET / HTTP/3\r\n"s}) {
    EXPECT_EQ(parse(start).http_status, 400) << start;
  }
}

TEST(RequestHead, S2FieldNames) {
  check({
      {"S2", get("Host : h\r\n"), 400},
      {"S2", get("Host: h\r\nX\t: a\r\n"), 400},
      {"S2", get(" Host: h\r\n"), 400},
      {"S2", get("\tHost: h\r\n"), 400},
      {"S2", get("Host: h\r\n: a\r\n"), 400},
      {"S2", get("Host: h\r\nnocolon\r\n"), 400},
      {"S2", get("Host: h\r\nnocolon\r\nX: has\r\n"), 400},
      {"S2", get("Host: h\r\nX\xc3\xa9: a\r\n"), 400},
  });
  for (const char c : "\"(),/;<=>?@[\\]{} "s) check({{"S2", get("Host: h\r\nX"s + c + "Y: a\r\n"), 400}});
  for (const char c : "!#$%&'*+-.^`|~09azAZ"s) check({{"S2", get("Host: h\r\nX"s + c + "Y: a\r\n"), 0}});
  // What folding by OR-ing 0x20 would mistake for a known name.
  check(
      {{"S2", get("Host: h\r\nContent\rLength: 5\r\n"), 400}, {"S2", get("Host: h\r\nContent\x0dLength: 5\r\n"), 400}});
}

TEST(RequestHead, S3RequestLine) {
  check({
      {"S3", line("GET  / HTTP/1.1"), 400},
      {"S3", line("GET /  HTTP/1.1"), 400},
      {"S3", line("GET / HTTP/1.1 "), 400},
      {"S3", line(" GET / HTTP/1.1"), 400},
      {"S3", line("GET\t/ HTTP/1.1"), 400},
      {"S3", line("GET /\tHTTP/1.1"), 400},
      {"S3", line("GET HTTP/1.1"), 400},
      {"S3", line("GET"), 400},
      {"S3", line("GET /"), 400},
      {"S3", line("GET / "), 400},
      {"S3", line("GET / HTTP/1"), 400},
      {"S3", line("GET / HTTP/01.01"), 400},
      {"S3", line("GET / HTTP/1.10"), 400},
      {"S3", line("GET / http/1.1"), 400},
      {"S3", line("GET / HTTP/0.9"), 400},
      {"S3", line("GET / HTTP/1,1"), 400},
      {"S3", line("GET / HTTP 1.1"), 400},
      {"S3", line("GET / FTP/1.1"), 400},
      {"S3", line("GET / HTTP/2.0"), 505},
      {"S3", line("GET / HTTP/2.1"), 505},
      {"S3", line("GET / HTTP/3.0"), 505},
      {"S3", line("GET / HTTP/9.9"), 505},
      {"S3", line("GET / x HTTP/1.1"), 400},
      {"S4", line("GET / HTTP/1.2"), 0},
      {"S4", line("GET / HTTP/1.9"), 0},
  });
  std::string bytes = line("GET / HTTP/1.2");
  EXPECT_EQ(head_of(bytes).minor_version, 1);
}

TEST(RequestHead, S5LeadingEmptyLine) {
  check({
      {"S5", "\r\n" + get("Host: h\r\n"), 0},
      {"S5", "\r\n\r\n" + get("Host: h\r\n"), 400},
      {"S5", "\n" + get("Host: h\r\n"), 400},
      {"S5", "\r" + get("Host: h\r\n"), 400},
      {"S5", "\r\n\n" + get("Host: h\r\n"), 400},
      {"S5", "\r\n " + get("Host: h\r\n"), 400},
  });
  for (const char* start : {"\r", "\r\n"}) EXPECT_EQ(parse(start).status, ParseStatus::need_more);
}

TEST(RequestHead, S6Methods) {
  check({
      {"S6", line("get / HTTP/1.1"), 0},
      {"S6", line("FROB_NICATE / HTTP/1.1"), 0},
      {"S6", line(std::string(32, 'M') + " / HTTP/1.1"), 0},
      {"S6", line(std::string(33, 'M') + " / HTTP/1.1"), 501},
      {"S6", std::string(100000, 'M') + " / HTTP/1.1\r\n\r\n", 414},
      {"S6", line("G(T / HTTP/1.1"), 400},
      {"S6", line("G\xc3T / HTTP/1.1"), 400},
  });
  std::string bytes = line("get / HTTP/1.1");
  EXPECT_EQ(head_of(bytes).method, Method::other);
}

TEST(RequestHead, S7Limits) {
  const auto line_of = [](std::size_t n) {
    return line("GET /" + std::string(n - 14, 'a') + " HTTP/1.1");  // n bytes without CRLF
  };
  const auto headers_of = [](std::size_t n) {  // n bytes with the empty line
    std::string text = "Host: h\r\n";
    while (n - text.size() > 1100) text += "X: " + std::string(995, 'v') + "\r\n";
    return "GET / HTTP/1.1\r\n" + text + "X: " + std::string(n - text.size() - 7, 'v') + "\r\n\r\n";
  };
  const auto fields_of = [](int n) {
    std::string text = "Host: h\r\n";
    for (int i = 1; i < n; ++i) text += "X: 1\r\n";
    return get(text);
  };
  check({
      {"S7", line_of(8000), 0},
      {"S7", line_of(8192), 0},
      {"S7", line_of(8193), 414},
      {"S7", line_of(20000), 414},
      {"S7", headers_of(32768), 0},
      {"S7", headers_of(32769), 431},
      {"S7", headers_of(40000), 431},
      {"S7", fields_of(100), 0},
      {"S7", fields_of(101), 431},
      {"S7", fields_of(500), 431},
  });
  EXPECT_EQ(parse("GET /" + std::string(9000, 'a')).http_status, 414) << "no end in sight";
  EXPECT_EQ(parse("GET / HTTP/1.1\r\nX: " + std::string(33000, 'a')).http_status, 431) << "no end in sight";
}

TEST(RequestHead, S7SmallLimitsAtEveryCut) {
  Side side;
  side.limits.request_line = 20;
  side.limits.header_bytes = 40;
  side.limits.fields = 3;
  for (std::size_t n = 1; n < 60; ++n) {
    parse(line("GET /" + std::string(n, 'a') + " HTTP/1.1"), side);
    parse("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(n, 'a') + "\r\n\r\n", side);
    parse("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(n, 'a') + "\r\nbad\n\r\n", side);
    parse("GET / HTTP/1.1\r\nHost:h\r\na:\r\nb:\r\nc:\r\nd:\r\n" + std::string(n % 7, ' ') + "\r\n", side);
  }
}

TEST(RequestHead, S8Http2Preface) { check({{"S8", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400}}); }

TEST(RequestHead, T1Host) {
  check({
      {"T1", get(""), 400},
      {"T1", get("Host: h\r\nHost: h\r\n"), 400},
      {"T1", get("Host: h\r\nX: 1\r\nhOST: g\r\n"), 400},
      {"T1", get("Host: a, b\r\n"), 400},
      {"T1", get("Host: a b\r\n"), 400},
      {"T1", get("Host:\r\n"), 400},
      {"T1", get("Host: user@h\r\n"), 400},
      {"T1", get("Host: h/p\r\n"), 400},
      {"T1", get("Host: h?q\r\n"), 400},
      {"T1", get("Host: h#f\r\n"), 400},
      {"T1", get("Host: h:99999\r\n"), 400},
      {"T1", get("Host: h:65536\r\n"), 400},
      {"T1", get("Host: h:8a\r\n"), 400},
      {"T1", get("Host: h:-1\r\n"), 400},
      {"T1", get("Host: h:\r\n"), 400},
      {"T1", get("Host: h:80:80\r\n"), 400},
      {"T1", get("Host: :80\r\n"), 400},
      {"T1", get("Host: h\xc3\xa9\r\n"), 400},
      {"T1", get("Host: h.\r\n"), 400},
      {"T1", get("Host: h.:80\r\n"), 400},
      {"T1", get("Host: .h\r\n"), 400},
      {"T1", get("Host: a..b\r\n"), 400},
      {"T1", get("Host: %41\r\n"), 400},
      {"T1", get("Host: [::1\r\n"), 400},
      {"T1", get("Host: [::1]x\r\n"), 400},
      {"T1", get("Host: [::g]\r\n"), 400},
      {"T1", get("Host: [127.0.0.1]\r\n"), 400},
      {"T1", get("Host: [fe80::1%25eth0]\r\n"), 400},
      {"T1", get("Host: ::1\r\n"), 400},
      {"T1", get("Host: " + std::string(256, 'h') + "\r\n"), 400},
      {"T10", get("Host: a,b\r\n"), 400},
      {"T10", "GET http://a,b/ HTTP/1.1\r\nHost: a,b\r\n\r\n", 400},
      {"T1", get("Host: h:0\r\n"), 0},
      {"T1", get("Host: h:65535\r\n"), 0},
      {"T1", get("Host: 192.0.2.1:80\r\n"), 0},
      {"T1", get("Host: [2001:db8::1]:8443\r\n"), 0},
      {"T1", get("Host: [::ffff:192.0.2.1]\r\n"), 0},
      {"T1", "GET / HTTP/1.0\r\n\r\n", 0},
      {"T1", "GET / HTTP/1.0\r\nHost:\r\n\r\n", 0},
      {"T1", "GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400},
  });
  std::string bytes = get("Host: [2001:db8::1]:8443\r\n");
  const http::RequestHead h = head_of(bytes);
  EXPECT_EQ(h.host, "[2001:db8::1]");
  EXPECT_EQ(h.authority, "[2001:db8::1]:8443");
}

TEST(RequestHead, T2T3AbsoluteForm) {
  const auto absolute = [](const std::string& target, const std::string& host) {
    return "GET " + target + " HTTP/1.1\r\n" + (host.empty() ? "" : "Host: " + host + "\r\n") + "\r\n";
  };
  check({
      {"T2", absolute("http://h/", "other"), 400},
      {"T2", absolute("http://h:81/", "h"), 400},
      {"T2", absolute("http://h/", ""), 400},
      {"T2", absolute("http://u@h/", "h"), 400},
      {"T2", absolute("http:///p", "h"), 400},
      {"T2", absolute("http://", "h"), 400},
      {"T2", absolute("http:/h/", "h"), 400},
      {"T2", absolute("http://h./", "h."), 400},
      {"T2", absolute("http://H/p", "h"), 0},
      {"T2", absolute("http://h:80/p", "h"), 0},
      {"T2", absolute("http://h/p", "h:80"), 0},
      {"T2", absolute("HTTP://h/p", "h"), 0},
      {"T3", absolute("https://h/", "h"), 400},
      {"T3", absolute("ftp://h/", "h"), 400},
      {"T3", absolute("ws://h/", "h"), 400},
  });
  check({{"T3", absolute("http://h/", "h"), 400}, {"T3", absolute("https://h:443/", "h"), 0}},
        {.scheme = Scheme::https});
  std::string bytes = absolute("http://Example.com:80?x=/y", "example.com");
  const http::RequestHead h = head_of(bytes);
  EXPECT_EQ(h.authority, "Example.com:80");
  EXPECT_EQ(h.host, "Example.com");
  EXPECT_EQ(h.path, "/");
  EXPECT_EQ(h.query, "?x=/y");
  std::string old = "GET http://h/a HTTP/1.0\r\n\r\n";
  EXPECT_EQ(head_of(old).host, "h");
}

TEST(RequestHead, T4T5T6TargetForms) {
  check({
      {"T4", line("GET admin HTTP/1.1"), 400},
      {"T4", line("GET * HTTP/1.1"), 400},
      {"T4", line("OPTIONS */x HTTP/1.1"), 400},
      {"T4", line("OPTIONS *?x HTTP/1.1"), 400},
      {"T4", line("CONNECT / HTTP/1.1"), 400},
      {"T4", line("CONNECT h HTTP/1.1"), 400},
      {"T4", line("CONNECT http://h:80/ HTTP/1.1"), 400},
      {"T4", line("GET host:80 HTTP/1.1"), 400},
      {"T4", line("GET ?x HTTP/1.1"), 400},
      {"T5", line("OPTIONS * HTTP/1.1"), 0},
      {"T6", line("CONNECT h:443 HTTP/1.1"), 0},
  });
  std::string options = line("OPTIONS * HTTP/1.1");
  EXPECT_EQ(head_of(options).path, "*");
  std::string absolute = line("OPTIONS http://h HTTP/1.1");
  EXPECT_EQ(head_of(absolute).path, "*");
  std::string connect = line("CONNECT h:443 HTTP/1.1");
  const http::RequestHead h = head_of(connect);
  EXPECT_EQ(h.method, Method::connect);
  EXPECT_EQ(h.authority, "h:443");
}

TEST(RequestHead, T7TargetBytes) {
  for (const char c : "#\\\x01\x0b\x1f\x7f\x80\xa0\xff"s) {
    check({{"T7", line("GET /a"s + c + "b HTTP/1.1"), 400}, {"T7", line("GET /?a"s + c + "b HTTP/1.1"), 400}});
  }
  check({{"T7", line("GET /\0 HTTP/1.1"s), 400}, {"T7", line("GET /a|b?{}[]^`\"<> HTTP/1.1"), 0}});
}

TEST(RequestHead, I9Expectations) {
  check({
      {"I9", post("Content-Length: 5\r\nExpect: 100-continue\r\n"), 0},
      {"I9", post("Content-Length: 5\r\nExpect: 100-Continue\r\n"), 0},
      {"I9", post("Content-Length: 5\r\nExpect: 200-ok\r\n"), 417},
      {"I9", post("Content-Length: 5\r\nExpect:\r\n"), 417},
      {"I9", post("Expect: 100-continue\r\nExpect: x\r\n"), 417},
      {"I9", "POST / HTTP/1.0\r\nHost: h\r\nExpect: x\r\n\r\n", 0},
  });
  std::string old = "POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n";
  EXPECT_FALSE(head_of(old).expect_continue);
  std::string without_body = post("Expect: 100-continue\r\n");
  EXPECT_FALSE(head_of(without_body).expect_continue);
}

TEST(RequestHead, KeepAliveByVersionAndConnection) {
  const auto keep = [](std::string bytes) { return head_of(bytes).keep_alive; };
  EXPECT_TRUE(keep(get("Host: h\r\n")));
  EXPECT_FALSE(keep(get("Host: h\r\nConnection: close\r\n")));
  EXPECT_FALSE(keep(get("Host: h\r\nConnection: x, CLOSE ,y\r\n")));
  EXPECT_FALSE(keep(get("Host: h\r\nConnection: keep-alive\r\nConnection: close\r\n")));
  EXPECT_TRUE(keep(get("Host: h\r\nConnection: enclose\r\n")));
  EXPECT_FALSE(keep("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keep("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
  EXPECT_FALSE(keep("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"));
}

TEST(RequestHead, EveryPrefixOfAGoodHeadWants) {
  const std::string bytes = get("Host: h\r\nX-Long-Enough-To-Cross-A-Block: value value value\r\n");
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_EQ(parse(bytes.substr(0, n)).status, ParseStatus::need_more) << n;
  }
}

// Random edits of good heads: whatever the verdict is, cutting must not change it.
TEST(RequestHead, CutsNeverMatter) {
  const std::string seeds[] = {
      post("Content-Length: 5\r\nConnection: close\r\nX: y\r\n"),
      post("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"),
      "GET http://h:80/a?b HTTP/1.0\r\nHost: h\r\n\r\n",
  };
  const std::string alphabet = "\r\n\t :/?,aH1.\x01\xff_#%"s;
  std::uint32_t random = 7;
  const auto next = [&random](std::size_t n) {
    random = random * 1664525 + 1013904223;
    return (random >> 8) % n;
  };
  for (int round = 0; round < 400; ++round) {
    std::string bytes = seeds[next(std::size(seeds))];
    for (std::size_t edits = 1 + next(3); edits > 0; --edits) {
      const std::size_t at = next(bytes.size());
      const char c = alphabet[next(alphabet.size())];
      if (next(2) == 0) {
        bytes[at] = c;
      } else {
        bytes.insert(at, 1, c);
      }
    }
    parse(bytes);
    parse(bytes, {.request = false});
  }
}

// ------------------------------------------------------------------------------------------------ responses

std::string response(const std::string& fields, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\n" + fields + "\r\n";
}

TEST(ResponseHead, I12BadResponses) {
  const std::vector<Row> rows = {
      {"I12", response("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 502},
      {"I12", response("Content-Length: 5\r\nContent-Length: 5\r\n"), 502},
      {"I12", response("Content-Length: 5\r\nContent-Length: 6\r\n"), 502},
      {"I12", response("Content-Length: 5, 5\r\n"), 502},
      {"I12", response("Content-Length: +5\r\n"), 502},
      {"I12", response("Content-Length:\r\n"), 502},
      {"I12", response("Content-Length: 9223372036854775808\r\n"), 502},
      {"I12", response("Transfer-Encoding: gzip\r\n"), 502},
      {"I12", response("Transfer-Encoding: gzip, chunked\r\n"), 502},
      {"I12", response("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 502},
      {"I12",
       response("Transfer-Encoding: \x0b"
                "chunked\r\n"),
       502},
      {"I12", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 502},
      {"I12", response("X: a\0b\r\n"s), 502},
      {"I12", response("X: a\x1f\r\n"), 502},
      {"I12", response("X: a\r\n b\r\n"), 502},
      {"I12", response("X : a\r\n"), 502},
      {"I12", response("nocolon\r\n"), 502},
      {"I12", response("X: a\n"), 502},
      {"I12", response("", "099 Low"), 502},
      {"I12", response("", "000 Low"), 502},
      {"I12", response("", "1000 High"), 502},
      {"I12", response("", "20 Short"), 502},
      {"I12", response("", "2x0 OK"), 502},
      {"I12", response("", "-20 OK"), 502},
      {"I12", "HTTP/2.0 200 OK\r\n\r\n", 502},
      {"I12", "HTTP/1.1  200 OK\r\n\r\n", 502},
      {"I12", "http/1.1 200 OK\r\n\r\n", 502},
      {"I12", "ICY 200 OK\r\n\r\n", 502},
      {"I12", "<html>no head at all", 0},
      {"I12", "\r\nHTTP/1.1 200 OK\r\n\r\n", 502},
      {"I12", "HTTP/1.1 200 O\x01K\r\n\r\n", 502},
  };
  for (const Row& row : rows) {
    const Outcome outcome = parse(row.bytes, {.request = false});
    if (row.status == 0) continue;  // an open line: only the cuts matter
    EXPECT_EQ(outcome.http_status, row.status) << row.bytes << " -> " << outcome;
  }
  check({{"I12", response("", "100"), 0},
         {"I12", response("", "999 Odd"), 0},
         {"I12", response("", "200 "), 0},
         {"I12", response("X_Y: 1\r\n", "200"), 0}},
        {.request = false});
}

struct FramingRow {
  std::string bytes;
  Method method;
  Framing framing;
  bool keep_alive;
};

TEST(ResponseHead, I11FramingByMethodAndStatus) {
  const FramingRow rows[] = {
      {response("Content-Length: 5\r\n"), Method::get, Framing::length, true},
      {response("Content-Length: 0\r\n"), Method::get, Framing::none, true},
      {response("Transfer-Encoding: chunked\r\n"), Method::get, Framing::chunked, true},
      {response(""), Method::get, Framing::until_close, false},
      {response("Content-Length: 5\r\n"), Method::head, Framing::none, true},
      {response("Transfer-Encoding: chunked\r\n"), Method::head, Framing::none, true},
      {response(""), Method::head, Framing::none, true},
      {response("Content-Length: 5\r\n", "204 No Content"), Method::get, Framing::none, true},
      {response("Content-Length: 5\r\n", "304 Not Modified"), Method::get, Framing::none, true},
      {response("Content-Length: 5\r\n", "100 Continue"), Method::get, Framing::none, true},
      {response("", "103 Early Hints"), Method::post, Framing::none, true},
      {response("Content-Length: 5\r\nConnection: close\r\n"), Method::get, Framing::length, false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", Method::get, Framing::length, false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", Method::get, Framing::length, true},
  };
  for (const FramingRow& row : rows) {
    std::string bytes = row.bytes;
    http::ResponseHead head;
    const ParseResult r = parse_response_head(bytes.data(), bytes.size(), 0, {}, row.method, head);
    EXPECT_EQ(r.status, ParseStatus::complete) << bytes;
    EXPECT_EQ(r.consumed, bytes.size());
    EXPECT_EQ(head.framing, row.framing) << bytes;
    EXPECT_EQ(head.keep_alive, row.keep_alive) << bytes;
    parse(row.bytes, {.request = false, .method = row.method});
  }
}

TEST(ResponseHead, I19KeepsDuplicatesInOrder) {
  std::string bytes = response("Set-Cookie: a\r\nX: 1\r\nSet-Cookie: b\r\nContent-Length: 0\r\n");
  http::ResponseHead head;
  parse_response_head(bytes.data(), bytes.size(), 0, {}, Method::get, head);
  EXPECT_EQ(summary_of(head.fields), "Set-Cookie=a;X=1;Set-Cookie=b;Content-Length=0;");
}

TEST(ResponseHead, LimitsAre502) {
  EXPECT_EQ(parse("HTTP/1.1 200 " + std::string(9000, 'r'), {.request = false}).http_status, 502);
  EXPECT_EQ(parse(response("X: " + std::string(40000, 'v') + "\r\n"), {.request = false}).http_status, 502);
}

}  // namespace
}  // namespace postern::wire
