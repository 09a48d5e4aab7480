// RFC 4231, test cases 1 and 2.
#include "crypto/hmac.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::crypto {
namespace {

std::string hex(const Hmac& mac) {
  std::string out;
  for (const unsigned char byte : mac) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

TEST(HmacSha256, MakesThePublishedValues) {
  Hmac mac{};
  ASSERT_TRUE(hmac_sha256(std::string(20, '\x0b'), "Hi There", mac));
  EXPECT_EQ(hex(mac), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  ASSERT_TRUE(hmac_sha256("Jefe", "what do ya want for nothing?", mac));
  EXPECT_EQ(hex(mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(HmacSha256, ComparesWholeTexts) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
  EXPECT_TRUE(equal_in_constant_time("", ""));
}

}  // namespace
}  // namespace postern::crypto
