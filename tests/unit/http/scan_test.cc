#include "http/scan.h"

#include <gtest/gtest.h>

#include <cctype>
#include <string>

namespace postern::http::scan {
namespace {

bool may_stand_in_token68(unsigned char c) {
  return c < 0x80 && (std::isalnum(c) != 0 || std::string("-._~+/").find(static_cast<char>(c)) != std::string::npos);
}

TEST(Scan, FindsTheEndOfAToken68WhateverTheByteAndWhereverItStands) {
  for (const std::size_t size : {1, 7, 15, 16, 17, 31, 32, 33, 50}) {
    for (std::size_t at = 0; at < size; ++at) {
      for (unsigned c = 0; c < 256; ++c) {
        std::string text(size, 'a');
        text[at] = static_cast<char>(c);
        const char* end = text.data() + text.size();
        const char* expected = may_stand_in_token68(static_cast<unsigned char>(c)) ? end : text.data() + at;
        ASSERT_EQ(find_token68_end(text.data(), end, text.data()), expected) << size << " " << at << " " << c;
      }
    }
  }
  EXPECT_EQ(find_token68_end(nullptr, nullptr, nullptr), nullptr);
}

}  // namespace
}  // namespace postern::http::scan
