#include "base/base64url.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Base64Url, GoesBothWays) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    const std::string text = encode_base64url(bytes);
    EXPECT_EQ(text.size(), base64url_encoded_size(bytes.size()));
    EXPECT_EQ(decode_base64url(text), bytes) << text;
    bytes.push_back(static_cast<char>(i * 37));
  }
  EXPECT_EQ(encode_base64url("\xfb\xff"), "-_8");
  EXPECT_EQ(decode_base64url("-_8"), "\xfb\xff");
}

TEST(Base64Url, HasOneTextPerValue) {
  for (const char* text : {"A", "AAAAA", "AB", "AAB", "AA=", "AA==", "AAA=", "AAAA====", "A A", "AAAA ", " AAAA",
                           "AAAA\n", "AAA\n", "+/AA", "AA.A",
                           "\xc3\xa4"
                           "AA"}) {
    EXPECT_EQ(decode_base64url(text), std::nullopt) << text;
  }
  EXPECT_EQ(decode_base64url(std::string_view("AA\0A", 4)), std::nullopt);
  EXPECT_EQ(decode_base64url(""), "");
  EXPECT_EQ(decode_base64url("AA"), std::string(1, '\0'));
}

}  // namespace
}  // namespace postern
