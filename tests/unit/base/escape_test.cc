// Whatever comes in, what goes out is one line of harmless text.
#include "base/escape.h"

#include <gtest/gtest.h>

#include <string>

namespace postern {
namespace {

std::string json(std::string_view text) {
  std::string out;
  append_json(out, text);
  return out;
}

std::string hex(std::string_view text) {
  std::string out;
  append_hex_escaped(out, text);
  return out;
}

TEST(Escape, JsonLeavesPlainTextAndUtf8Alone) {
  EXPECT_EQ(json("GET /v1/models?x=1&y=%20"), "GET /v1/models?x=1&y=%20");
  EXPECT_EQ(json("gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80"),
            "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80");
}

TEST(Escape, JsonEscapesControlsQuotesAndBackslash) {
  EXPECT_EQ(json("a\"b\\c\r\n\t\x1b[31m\x7f"), "a\\\"b\\\\c\\r\\n\\t\\u001b[31m\\u007f");
  EXPECT_EQ(json(std::string_view("\0", 1)), "\\u0000");
}

TEST(Escape, JsonReplacesInvalidUtf8) {
  EXPECT_EQ(json("\xff"), "\\ufffd");
  EXPECT_EQ(json("a\xC3"), "a\\ufffd");                         // cut short
  EXPECT_EQ(json("\xC0\xAF"), "\\ufffd\\ufffd");                // overlong
  EXPECT_EQ(json("\xE0\x80\xAF"), "\\ufffd\\ufffd\\ufffd");     // overlong
  EXPECT_EQ(json("\xED\xA0\x80"), "\\ufffd\\ufffd\\ufffd");     // surrogate
  EXPECT_EQ(json("\xF4\x90\x80\x80").substr(0, 6), "\\ufffd");  // above U+10FFFF
  EXPECT_EQ(json("\x80x"), "\\ufffdx");
}

TEST(Escape, JsonEscapesWhatTerminalsAndViewersActOn) {
  EXPECT_EQ(json("\xC2\x9B"), "\\u009b");      // CSI as one character
  EXPECT_EQ(json("\xE2\x80\xA8"), "\\u2028");  // line separator
  EXPECT_EQ(json("\xE2\x80\xAE"), "\\u202e");  // right-to-left override
  EXPECT_EQ(json("\xE2\x81\xA6"), "\\u2066");  // isolate
}

TEST(Escape, NoByteSequenceYieldsAControlByte) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const char text[] = {static_cast<char>(first), static_cast<char>(second)};
      for (const std::string& out : {json({text, 2}), hex({text, 2})}) {
        for (const char c : out) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
      }
    }
  }
}

TEST(Escape, EveryByteIsSeenAtEveryPlace) {
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t place = 0; place < 20; ++place) {
      std::string text(20, 'a');
      text[place] = static_cast<char>(byte);
      const bool is_plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
      EXPECT_EQ(json(text) == text, is_plain) << byte << " at " << place;
      EXPECT_EQ(hex(text) == text, is_plain) << byte << " at " << place;
    }
  }
}

TEST(Escape, Utf8ReplacesOnlyWhatIsInvalid) {
  const auto utf8 = [](std::string_view text) {
    std::string out;
    append_utf8(out, text);
    return out;
  };
  EXPECT_EQ(utf8("plain \x01 \xC3\xA4"), "plain \x01 \xC3\xA4");
  EXPECT_EQ(utf8("a\xFF"), "a\xEF\xBF\xBD");
  EXPECT_EQ(utf8("\xC3"), "\xEF\xBF\xBD");
  EXPECT_EQ(utf8("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(Escape, HexEscapesAsCommonLogReadersExpect) {
  EXPECT_EQ(hex("a\"b\\c\r\n\x1b\xC3\xBC d"), "a\\x22b\\x5Cc\\x0D\\x0A\\x1B\\xC3\\xBC d");
}

}  // namespace
}  // namespace postern
