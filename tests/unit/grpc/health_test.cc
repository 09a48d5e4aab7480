// The health service's two messages, byte by byte.
#include "grpc/health.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace postern::grpc {
namespace {

std::string request(std::string_view service) {
  std::array<char, kHealthRequestMax> space{};
  return std::string(write_health_request(service, space));
}

std::string framed(std::string_view message, char flag = 0) {
  std::string body{flag, 0, 0, 0, static_cast<char>(message.size())};
  return body.append(message);
}

TEST(GrpcHealth, RequestsNameTheService) {
  EXPECT_EQ(request(""), std::string(5, '\0'));
  EXPECT_EQ(request("model"), std::string("\0\0\0\0\x07\x0a\x05model", 12));
  const std::string longest(kMaxServiceName, 's');
  EXPECT_EQ(request(longest), std::string("\0\0\0\x01\x02\x0a\xff\x01", 8) + longest);
  EXPECT_EQ(request(std::string(kMaxServiceName + 1, 's')), "");
  std::array<char, 16> small{};
  EXPECT_EQ(write_health_request("model", small), "");
}

TEST(GrpcHealth, AnswersSayWhetherItServes) {
  struct Row {
    std::string message;
    Serving serving;
  };
  for (const Row& row : {
           Row{"", Serving::unknown},
           Row{std::string("\x08\x00", 2), Serving::unknown},
           Row{"\x08\x01", Serving::serving},
           Row{"\x08\x02", Serving::not_serving},
           Row{"\x08\x03", Serving::service_unknown},
           Row{"\x08\x04", Serving::unknown},                      // of a later version
           Row{"\x08\x81\x80\x80\x80\x10", Serving::unknown},      // 2^32 + 1 is not 1
           Row{std::string("\x08\x81\x00", 3), Serving::serving},  // not the shortest form, but sound
           Row{"\x08\x01\x08\x02", Serving::not_serving},          // the last one counts
           Row{"\x12\x03xyz\x08\x01", Serving::serving},           // unknown fields of every kind
           Row{"\x10\x05\x19zzzzzzzz\x25zzzz\x08\x01", Serving::serving},
       }) {
    const auto parsed = parse_health_response(framed(row.message));
    ASSERT_TRUE(parsed) << testing::PrintToString(row.message);
    EXPECT_EQ(*parsed, row.serving) << testing::PrintToString(row.message);
  }
}

TEST(GrpcHealth, BadInputs) {
  const std::string good = framed("\x08\x01");
  for (std::size_t cut = 0; cut < good.size(); ++cut) EXPECT_FALSE(parse_health_response(good.substr(0, cut))) << cut;
  for (const std::string& body : {
           good + "x",                                                  // more than its frame
           good + good,                                                 // two messages
           framed("\x08\x01", 1),                                       // compressed
           framed("\x08\x01", static_cast<char>(0x80)),                 // a trailer frame of gRPC-Web
           std::string("\xff\xff\xff\xff\xff", 5),                      // a length without end
           std::string("\0\xff\xff\xff\xff\x08\x01", 7),                // and another one
           framed("\x08"),                                              // no value
           framed("\x08\x80"),                                          // half a value
           framed("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),      // over 64 bits
           framed("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),  // eleven bytes
           framed("\x0a\x01\x01"),                                      // the status as a string
           framed("\x12\x05xyz"),                                       // longer than the message
           framed("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),      // much longer
           framed("\x19zzz"),
           framed("\x25zzz"),
           framed("\x13\x14"),                      // a group
           framed("\x17"),                          // no such wire type
           framed(std::string("\x00\x01", 2)),      // field 0
           framed("\xfa\xff\xff\xff\xff\x01\x00"),  // a field number over 29 bits
           std::string(kHealthResponseMax + 1, '\0'),
       }) {
    EXPECT_FALSE(parse_health_response(body)) << testing::PrintToString(body);
  }
}

}  // namespace
}  // namespace postern::grpc
