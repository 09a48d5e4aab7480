// Base64 in streams: cut anywhere, padded segments one after another, little room.
#include "grpc/base64.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace postern::grpc {
namespace {

/// None: not base64.
std::optional<std::string> decoded(std::string_view text, std::size_t step = 1000, std::size_t room = 1000) {
  Base64Decoder decoder;
  std::string out;
  while (!text.empty()) {
    std::string space(room, '?');
    const Coded done = decoder.decode(text.substr(0, step), space);
    EXPECT_LE(done.made, room);
    out.append(space, 0, done.made);
    text.remove_prefix(done.taken);
    if (decoder.is_broken()) return std::nullopt;
    EXPECT_GT(done.taken, 0U);
    if (done.taken == 0) return std::nullopt;
  }
  if (!decoder.is_whole()) return std::nullopt;
  return out;
}

std::string encoded(std::string_view bytes, std::size_t step = 1000, std::size_t room = 1000) {
  Base64Encoder encoder;
  std::string out;
  while (!bytes.empty()) {
    std::string space(room, '?');
    const Coded done = encoder.encode(bytes.substr(0, step), space);
    out.append(space, 0, done.made);
    bytes.remove_prefix(done.taken);
  }
  std::string space(4, '?');
  out.append(space, 0, 0);
  const std::size_t made = encoder.finish(space);
  EXPECT_FALSE(encoder.has_rest());
  return out.append(space, 0, made);
}

TEST(GrpcBase64, TheVectorsOfRfc4648) {
  struct Row {
    const char* bytes;
    const char* text;
  };
  for (const Row& row : {Row{"", ""}, Row{"f", "Zg=="}, Row{"fo", "Zm8="}, Row{"foo", "Zm9v"}, Row{"foob", "Zm9vYg=="},
                         Row{"fooba", "Zm9vYmE="}, Row{"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(encoded(row.bytes), row.text);
    EXPECT_EQ(decoded(row.text), row.bytes);
  }
}

TEST(GrpcBase64, AnyCutAndAnyRoom) {
  std::string bytes;
  for (int i = 0; i < 777; ++i) bytes += static_cast<char>(i * 31 + i / 7);
  const std::string text = encoded(bytes);
  EXPECT_EQ(decoded(text), bytes);
  for (std::size_t step = 1; step < 12; ++step) {
    for (std::size_t room = 4; room < 12; ++room) {
      EXPECT_EQ(encoded(bytes, step, room), text) << step << " " << room;
      EXPECT_EQ(decoded(text, step, room), bytes) << step << " " << room;
    }
  }
}

TEST(GrpcBase64, SegmentsMayFollowEachOther) {
  for (std::size_t step = 1; step < 8; ++step) {
    EXPECT_EQ(decoded("Zg==Zg==", step), "ff");
    EXPECT_EQ(decoded("Zm8=Zm9vZg==Zm9v", step), "fofooffoo");
  }
}

TEST(GrpcBase64, BadInputs) {
  for (const char* text : {
           "Z",
           "Zg",
           "Zg=",
           "Zm9vZ",  // ends within a quantum
           "====",
           "Z===",
           "=m9v",
           "Z=9v",  // padding where none may be
           "Zg=v",
           "Zm=v",  // and bytes behind it
           "Zh==",
           "Zm9=",  // bits under the padding
           "Zm9-",
           "Zm9_",
           "Zm 9",
           "Zm9v\r\n",  // other alphabets, white space
           "Zm9v\xff\xff\xff\xff",
           "\x80m9v",
       }) {
    for (std::size_t step = 1; step < 9; ++step) EXPECT_EQ(decoded(text, step), std::nullopt) << text;
  }
  EXPECT_EQ(decoded(std::string_view("Zm9v\0", 5)), std::nullopt);
}

}  // namespace
}  // namespace postern::grpc
