// Codes, the official mappings, and the encoding of messages.
#include "grpc/status.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace postern::grpc {
namespace {

TEST(GrpcStatus, DigitsAndBack) {
  for (unsigned i = 0; i < kStatuses; ++i) {
    const auto status = static_cast<Status>(i);
    EXPECT_EQ(to_digits(status), std::to_string(i));
    EXPECT_EQ(parse_status(to_digits(status)), status);
  }
  EXPECT_EQ(to_digits(Status::unauthenticated), "16");
  for (const char* bad : {"", "17", "99", "100", "-1", "+1", " 0", "0 ", "a", "1a", "0x1"})
    EXPECT_EQ(parse_status(bad), std::nullopt) << bad;
}

TEST(GrpcStatus, HttpStatusesAsTheProtocolMapsThem) {
  struct Row {
    int http;
    Status status;
  };
  for (const Row& row :
       {Row{400, Status::internal}, Row{401, Status::unauthenticated}, Row{403, Status::permission_denied},
        Row{404, Status::unimplemented}, Row{429, Status::unavailable}, Row{502, Status::unavailable},
        Row{503, Status::unavailable}, Row{504, Status::unavailable}, Row{200, Status::unknown},
        Row{302, Status::unknown}, Row{500, Status::unknown}, Row{418, Status::unknown}}) {
    EXPECT_EQ(from_http(static_cast<std::uint16_t>(row.http)), row.status) << row.http;
  }
}

TEST(GrpcStatus, Http2ErrorsAsTheProtocolMapsThem) {
  struct Row {
    std::uint32_t code;
    Status status;
  };
  for (const Row& row :
       {Row{0x0, Status::internal}, Row{0x1, Status::internal}, Row{0x2, Status::internal}, Row{0x3, Status::internal},
        Row{0x4, Status::internal}, Row{0x5, Status::internal}, Row{0x6, Status::internal},
        Row{0x7, Status::unavailable}, Row{0x8, Status::cancelled}, Row{0x9, Status::internal},
        Row{0xa, Status::internal}, Row{0xb, Status::resource_exhausted}, Row{0xc, Status::permission_denied},
        Row{0xd, Status::internal}, Row{0xe, Status::unknown}, Row{0xffffffff, Status::unknown}}) {
    EXPECT_EQ(from_h2_error(row.code), row.status) << row.code;
  }
}

std::string encoded(std::string_view text, std::size_t room = 256) {
  std::string space(room, '?');
  return std::string(percent_encode(text, space));
}

TEST(GrpcStatus, MessagesArePercentEncoded) {
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("plain text, ~ and all"), "plain text, ~ and all");
  EXPECT_EQ(encoded("100%\r\n\t\x7f"), "100%25%0D%0A%09%7F");
  EXPECT_EQ(encoded("gr\xc3\xbc\xc3\x9f"), "gr%C3%BC%C3%9F");
  EXPECT_EQ(encoded(std::string_view("\0", 1)), "%00");
}

TEST(GrpcStatus, MessagesAreCutBetweenCharacters) {
  EXPECT_EQ(encoded("abcdef", 3), "abc");
  EXPECT_EQ(encoded("a%b", 3), "a");
  EXPECT_EQ(encoded("a\xc3\xbcz", 9), "a%C3%BCz");
  EXPECT_EQ(encoded("a\xc3\xbcz", 7), "a%C3%BC");
  EXPECT_EQ(encoded("a\xc3\xbcz", 6), "a");  // half an u-umlaut is none
  EXPECT_EQ(encoded("x", 0), "");
}

}  // namespace
}  // namespace postern::grpc
