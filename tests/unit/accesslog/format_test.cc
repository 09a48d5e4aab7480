// Lines as readers get them.
#include "accesslog/format.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::accesslog {
namespace {

AccessRecord example() {
  AccessRecord record;
  record.time_ns = 1'767'225'599'123'456'789;
  record.duration_ns = 12'345'678;
  record.upstream_ns = 900'000;
  record.bytes_in = 1024;
  record.bytes_out = 77;
  record.status = 200;
  record.retries = 1;
  record.request_id = "01J0";
  record.client = "192.0.2.7";
  record.listener = "public";
  record.route = "predict";
  record.method = "POST";
  record.host = "api.example.com";
  record.target = "/v1/models/m:predict?x=1&token=s3cr3t";
  record.upstream = "models";
  record.endpoint = "127.0.0.1:9000";
  record.tls_version = "TLSv1.3";
  record.user_agent = "curl/8.0";
  record.referer = "https://a/?code=s3cr3t";
  return record;
}

/// Through a ring, as in life.
std::string line_of(const AccessRecord& record, Format format) {
  ByteRing ring(8 * kMaxRecordBytes);
  EXPECT_TRUE(append(ring, record));
  ring.refresh();
  DecodedRecord decoded;
  EXPECT_TRUE(decode(ring.front(), decoded));
  std::string out;
  LineFormatter(format).append(out, decoded);
  return out;
}

TEST(AccessFormat, Json) {
  EXPECT_EQ(
      line_of(example(), Format::json),
      R"({"time":"2025-12-31T23:59:59.123Z","request_id":"01J0","client":"192.0.2.7","listener":"public",)"
      R"("route":"predict","method":"POST","host":"api.example.com","target":"/v1/models/m:predict?x=1&token=***",)"
      R"("http":"1.1","tls":"TLSv1.3","status":200,"bytes_in":1024,"bytes_out":77,"duration_ms":12.345,)"
      R"("upstream":"models","endpoint":"127.0.0.1:9000","upstream_ms":0.900,"retries":1,)"
      R"("user_agent":"curl/8.0","referer":"https://a/?code=***"})"
      "\n");
}

TEST(AccessFormat, JsonLeavesOutWhatThereWasNot) {
  EXPECT_EQ(
      line_of(AccessRecord{}, Format::json),
      R"({"time":"1970-01-01T00:00:00.000Z","http":"1.1","status":0,"bytes_in":0,"bytes_out":0,"duration_ms":0.000})"
      "\n");
}

TEST(AccessFormat, CommonAndCombined) {
  EXPECT_EQ(line_of(example(), Format::common),
            "192.0.2.7 - - [31/Dec/2025:23:59:59 +0000] \"POST /v1/models/m:predict?x=1&token=*** HTTP/1.1\" 200 77\n");
  EXPECT_EQ(line_of(example(), Format::combined),
            "192.0.2.7 - - [31/Dec/2025:23:59:59 +0000] \"POST /v1/models/m:predict?x=1&token=*** HTTP/1.1\" 200 77 "
            "\"https://a/?code=***\" \"curl/8.0\"\n");
  EXPECT_EQ(line_of(AccessRecord{}, Format::combined), "- - - [01/Jan/1970:00:00:00 +0000] \"-\" 000 0 \"-\" \"-\"\n");
}

TEST(AccessFormat, NothingForgesALine) {
  AccessRecord record = example();
  const std::string evil = "a\r\nGET /forged \"\\ \x1b[2J \xff\xC2\x9B";
  for (auto view : {&AccessRecord::request_id, &AccessRecord::client, &AccessRecord::user, &AccessRecord::method,
                    &AccessRecord::host, &AccessRecord::target, &AccessRecord::user_agent, &AccessRecord::referer}) {
    record.*view = evil;
  }
  for (const Format format : {Format::json, Format::common, Format::combined}) {
    const std::string line = line_of(record, format);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    for (const char c : line.substr(0, line.size() - 1)) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
    EXPECT_EQ(line.find("\xC2\x9B"), std::string::npos);
  }
  EXPECT_NE(line_of(record, Format::combined).find("\"a\\x0D\\x0AGET /forged \\x22\\x5C \\x1B[2J \\xFF\\xC2\\x9B\""),
            std::string::npos);
  EXPECT_NE(line_of(record, Format::common).find("a\\x0D\\x0AGET\\x20/forged"), std::string::npos)
      << "words hold no space";
}

TEST(AccessFormat, LongTextsAreCutAndMarked) {
  AccessRecord record = example();
  const std::string text(100'000, 'x');
  record.target = text;
  record.user_agent = text;
  const std::string line = line_of(record, Format::json);
  EXPECT_LT(line.size(), 6000U);
  EXPECT_NE(line.find("xxx...\",\"http\""), std::string::npos);
  EXPECT_NE(line.find("xxx...\",\"referer\""), std::string::npos);
}

TEST(AccessFormat, CutSecretIsStillMasked) {
  AccessRecord record = example();
  const std::string target = "/?token=" + std::string(10'000, 's');
  record.target = target;
  EXPECT_NE(line_of(record, Format::json).find("\"target\":\"/?token=***...\""), std::string::npos);
}

TEST(AccessFormat, UserinfoOfAHostIsLeftOut) {
  AccessRecord record = example();
  record.host = "joe:pw@example.com";
  EXPECT_NE(line_of(record, Format::json).find("\"host\":\"example.com\""), std::string::npos);
}

TEST(AccessFormat, DecodeRefusesOtherBytes) {
  DecodedRecord decoded;
  const std::string zeros(40, '\0');
  EXPECT_FALSE(decode(zeros, decoded));
  const std::string ones(200, '\x7f');
  EXPECT_FALSE(decode(ones, decoded));
}

}  // namespace
}  // namespace postern::accesslog
