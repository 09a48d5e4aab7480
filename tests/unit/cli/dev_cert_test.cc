#include "cli/dev_cert.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <sstream>

#include "crypto/certificate.h"
#include "unit/net/tls_test_support.h"

namespace postern::cli {
namespace {

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(DevCert, MakesOneAndKeepsIt) {
  const test::TempDir dir;
  const std::string into = dir.path("state/tls");
  std::ostringstream out;
  std::ostringstream err;
  ASSERT_EQ(dev_cert_command(into, out, err), 0) << err.str();
  const auto loaded = crypto::Certificate::load("test", into + "/cert.pem", into + "/key.pem", {});
  ASSERT_TRUE(loaded) << loaded.error;
  EXPECT_EQ(loaded.value->names().front(), "localhost");
  struct stat info {};
  ASSERT_EQ(::stat((into + "/key.pem").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const std::string first = text_of(into + "/cert.pem");
  ASSERT_EQ(dev_cert_command(into, out, err), 0);
  EXPECT_EQ(text_of(into + "/cert.pem"), first);
  EXPECT_NE(out.str().find("kept"), std::string::npos);
}

TEST(DevCert, ReplacesAPairThatDoesNotFit) {
  const test::TempDir dir;
  dir.write("cert.pem", "junk");
  std::ostringstream out;
  std::ostringstream err;
  ASSERT_EQ(dev_cert_command(dir.path("."), out, err), 0) << err.str();
  EXPECT_TRUE(crypto::Certificate::load("test", dir.path("cert.pem"), dir.path("key.pem"), {}));
}

TEST(DevCert, SaysWhereItCannotWrite) {
  const test::TempDir dir;
  dir.write("file", "");
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(dev_cert_command(dir.path("file/x"), out, err), 1);
  EXPECT_NE(err.str().find("cannot make directory"), std::string::npos) << err.str();
}

}  // namespace
}  // namespace postern::cli
