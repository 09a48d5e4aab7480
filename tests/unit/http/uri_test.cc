// The normaliser: rows T7 and T8, and that normalising twice changes nothing.
#include "http/uri.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace postern::http {
namespace {

using namespace std::string_literals;

constexpr UriPolicy kDefault{};
constexpr UriPolicy kKeep{Slashes::keep, EncodedSlash::keep, PathParameters::keep};

/// The normal form, or "!reason". Bytes lie exactly sized on the heap; the form is normalised once more.
std::string normal(const std::string& path, UriPolicy policy = kDefault) {
  auto raw = std::make_unique<char[]>(path.size());
  auto scratch = std::make_unique<char[]>(path.size());
  std::copy(path.begin(), path.end(), raw.get());
  const UriResult result = normalise_path({raw.get(), path.size()}, policy, {scratch.get(), path.size()});
  if (!result.ok()) return "!"s + result.error;
  std::string once(result.path);
  EXPECT_LE(once.size(), path.size());
  auto again_scratch = std::make_unique<char[]>(once.size());
  const UriResult again = normalise_path(once, policy, {again_scratch.get(), once.size()});
  EXPECT_TRUE(again.ok()) << path << " -> " << once << ": " << (again.ok() ? "" : again.error);
  EXPECT_EQ(again.path, once) << path;
  return once;
}

bool refused(const std::string& path, UriPolicy policy = kDefault) { return normal(path, policy).front() == '!'; }

TEST(NormalisePath, LeavesCleanPathsAlone) {
  for (const std::string path : {"/", "/a", "/a/", "/v1/models/m:predict", "/a,b=c/d", "/a|b{c}^`\"<>[]",
                                 "/a.b/c..d/...", "/0123456789abcdef/0123456789abcdef/0123456789abcdef"}) {
    char scratch[256];
    const UriResult result = normalise_path(path, kDefault, scratch);
    EXPECT_EQ(result.path, path);
    if (path.find("/.") == std::string::npos) {
      EXPECT_EQ(result.path.data(), path.data()) << "no copy: " << path;
    }
  }
}

TEST(NormalisePath, T8DotSegments) {
  EXPECT_EQ(normal("/a/./b"), "/a/b");
  EXPECT_EQ(normal("/a/../b"), "/b");
  EXPECT_EQ(normal("/a/b/.."), "/a/");
  EXPECT_EQ(normal("/a/b/."), "/a/b/");
  EXPECT_EQ(normal("/a/b/../"), "/a/");
  EXPECT_EQ(normal("/a/.."), "/");
  EXPECT_EQ(normal("/."), "/");
  EXPECT_EQ(normal("/./"), "/");
  EXPECT_EQ(normal("/a/%2e%2E/b"), "/b");
  EXPECT_EQ(normal("/a/.%2e/b/%2e"), "/b/");
  EXPECT_EQ(normal("/.a/..b/.../a."), "/.a/..b/.../a.");
  EXPECT_EQ(normal("/.well-known/x"), "/.well-known/x");
  for (const char* path : {"/..", "/../a", "/a/../../b", "/%2e%2e/a", "/a/../..", "/./.."}) {
    EXPECT_TRUE(refused(path)) << path;
  }
}

TEST(NormalisePath, T8ParametersOnDotSegments) {
  for (const char* path : {"/a/..;/b", "/a/..;x", "/a/.;x/b", "/..;/", "/a/%2e%2e;x", "/a/..%3bx", "/.;"}) {
    EXPECT_TRUE(refused(path)) << path;
    EXPECT_TRUE(refused(path, kKeep)) << path;
  }
  EXPECT_EQ(normal("/a/...;x", kKeep), "/a/...;x");
}

// A server that cuts them away reads "/admin/a", which is none of the paths that were judged.
TEST(NormalisePath, ParametersAreRefusedUnlessKept) {
  const std::string far(40, 'a');  // behind what is looked at by blocks
  for (const std::string path : {"/admin;x=y/a", "/admin%3Bx/a", "/admin%3b/a", "/;", "/a;", "/;/a", "/a%20b;x"}) {
    EXPECT_EQ(normal(path), "!parameter in the path") << path;
    EXPECT_EQ(normal("/" + far + path), "!parameter in the path") << path;
    EXPECT_FALSE(refused(path, kKeep)) << path;
  }
  EXPECT_EQ(normal("/admin;x=y/a", kKeep), "/admin;x=y/a");
  EXPECT_EQ(normal("/admin%3bx/a", kKeep), "/admin%3Bx/a");
  EXPECT_EQ(normal("/a%253Bb"), "/a%253Bb");
}

TEST(NormalisePath, T8Slashes) {
  EXPECT_EQ(normal("//a///b//"), "/a/b/");
  EXPECT_EQ(normal("//"), "/");
  EXPECT_EQ(normal("/a//../b"), "/b");
  EXPECT_EQ(normal("//a///b//", kKeep), "//a///b//");
  EXPECT_EQ(normal("/a//../b", kKeep), "/a/b");
  EXPECT_TRUE(refused("/a%2fb"));
  EXPECT_TRUE(refused("/a%2Fb"));
  EXPECT_EQ(normal("/a%2fb", kKeep), "/a%2Fb");
  for (const char* path : {"/a/..%2fb", "/a%2f..%2fb", "/a%2f..", "/.%2fb", "/a%2f%2e%2e", "/a%2f..;x%2fb"}) {
    EXPECT_TRUE(refused(path, kKeep)) << path;
  }
  EXPECT_TRUE(refused("/a%5cb", kKeep));
  EXPECT_TRUE(refused("/a%5Cb"));
  EXPECT_TRUE(refused("/a\\b"));
}

TEST(NormalisePath, T8Escapes) {
  EXPECT_EQ(normal("/%41%7a%2D%5f%7E%30"), "/Az-_~0");
  EXPECT_EQ(normal("/a%3ab%20c"), "/a%3Ab%20c");
  EXPECT_EQ(normal("/%252e%252e"), "/%252e%252e");
  EXPECT_EQ(normal("/%2541"), "/%2541");
  EXPECT_EQ(normal("/caf%c3%a9/%e2%82%ac/%f0%9f%98%80"), "/caf%C3%A9/%E2%82%AC/%F0%9F%98%80");
  for (const char* path : {"/%", "/%4", "/%zz", "/%4g", "/a%", "/%%41", "/%00", "/%0a", "/%1f", "/%7f", "/%u0041"}) {
    EXPECT_TRUE(refused(path)) << path;
  }
}

TEST(NormalisePath, T8OverlongAndBrokenUtf8) {
  for (const char* path :
       {"/%c0%ae", "/%c1%81", "/%e0%80%ae", "/%f0%80%80%ae", "/%ed%a0%80", "/%f4%90%80%80", "/%ff", "/%80", "/%c3",
        "/%c3/%a9", "/%c3a", "/%e2%82", "/%c3%41", "/%f5%80%80%80", "/%e2%82%c3%a9"}) {
    EXPECT_TRUE(refused(path)) << path;
  }
}

TEST(NormalisePath, T7ForbiddenBytes) {
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("a"));
  EXPECT_TRUE(refused("*"));
  for (int c = 0; c < 256; ++c) {
    const bool bad = c <= 0x20 || c >= 0x7f || c == '#' || c == '?' || c == '\\' || c == ';';
    for (const std::size_t n : {0U, 3U, 15U, 16U, 31U, 40U}) {
      if (c == '%' || c == '/' || c == '.') continue;
      const std::string path = "/" + std::string(n, 'a') + static_cast<char>(c) + std::string(n, 'b');
      EXPECT_EQ(refused(path), bad) << c << " at " << n;
    }
  }
}

TEST(NormalisePath, FindsOddPairsAcrossBlocks) {
  for (std::size_t n = 0; n < 70; ++n) {
    const std::string pad(n, 'a');
    EXPECT_EQ(normal("/" + pad + "x//y"), "/" + pad + "x/y");
    EXPECT_EQ(normal("/" + pad + "x/./y"), "/" + pad + "x/y");
    EXPECT_EQ(normal("/" + pad + "x/y/.."), "/" + pad + "x/");
  }
}

TEST(NormalisePath, ScratchTooSmallIsAnError) {
  char scratch[4];
  EXPECT_FALSE(normalise_path("/a/../b", kDefault, scratch).ok());
  EXPECT_TRUE(normalise_path("/a/b/c/d", kDefault, {}).ok());
}

TEST(NormalisePath, IsIdempotent) {
  const std::string pieces[] = {"/", "//",  ".",   "..",     "%2e", "a",   "%41",
                                ";", "%2f", "%25", "%c3%a9", "b",   "%3b", "/./"};
  std::uint32_t random = 3;
  for (int round = 0; round < 20000; ++round) {
    std::string path = "/";
    for (int i = 0; i < 8; ++i) {
      random = random * 1664525 + 1013904223;
      path += pieces[(random >> 8) % std::size(pieces)];
    }
    for (const UriPolicy policy : {kDefault, kKeep, UriPolicy{Slashes::merge, EncodedSlash::keep}}) {
      const std::string form = normal(path, policy);  // checks the second time itself
      if (form.front() == '!') continue;
      EXPECT_EQ(form.front(), '/');
      EXPECT_EQ(form.find("/../"), std::string::npos) << path;
      EXPECT_EQ(form.find("/./"), std::string::npos) << path;
      if (policy.slashes == Slashes::merge) {
        EXPECT_EQ(form.find("//"), std::string::npos) << path;
      }
    }
  }
}

TEST(CheckQuery, Rules) {
  for (const char* sound : {"", "?", "?a=b&c=%20", "?a/b?c", "?%00%41%ff", "?{}|^[]\"<>`"}) {
    EXPECT_EQ(check_query(sound), nullptr) << sound;
  }
  for (const char* bad : {"?%zz", "?%", "?%4", "?a%4", "?a b", "?a#b", "?a\\b", "?\x80", "?\x7f", "?\t", "?%20%2"}) {
    EXPECT_NE(check_query(bad), nullptr) << bad;
  }
}

}  // namespace
}  // namespace postern::http
