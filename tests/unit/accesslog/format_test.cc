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
std::string line_of(const AccessRecord& record, Format format, std::string_view line_template = {}) {
  ByteRing ring(8 * kMaxRecordBytes);
  EXPECT_TRUE(append(ring, record));
  ring.refresh();
  DecodedRecord decoded;
  EXPECT_TRUE(decode(ring.front(), decoded));
  std::string out;
  LineFormatter(format, line_template).append(out, decoded);
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

TEST(AccessFormat, Template) {
  EXPECT_EQ(line_of(example(), Format::text,
                    "{time}|{time_unix}|{time_clf}|{request_id} {client} {listener} {route} {user} {method} {host} "
                    "{target} {http} {tls} {status} {bytes_in} {bytes_out} {duration_ms} {upstream} {endpoint} "
                    "{upstream_ms} {retries} {user_agent} {referer} {error}{{}}"),
            "2025-12-31T23:59:59.123Z|1767225599.123|31/Dec/2025:23:59:59\\x20+0000|01J0 192.0.2.7 public predict - "
            "POST api.example.com /v1/models/m:predict?x=1&token=*** 1.1 TLSv1.3 200 1024 77 12.345 models "
            "127.0.0.1:9000 0.900 1 curl/8.0 https://a/?code=*** -{}\n");
  EXPECT_EQ(line_of(AccessRecord{}, Format::text, "{upstream_ms} \"{user_agent}\" '{user_agent:json}' {status}"),
            "- \"-\" '' 000\n");
}

TEST(AccessFormat, TemplateEscapesByWhereAVariableStands) {
  AccessRecord record = example();
  record.user_agent = "a b\"\\\n\xC3\xA9\xFF";
  EXPECT_EQ(line_of(record, Format::text, "{user_agent} \"{user_agent}\" {user_agent:json}"),
            "a\\x20b\\x22\\x5C\\x0A\\xC3\\xA9\\xFF \"a b\\x22\\x5C\\x0A\\xC3\\xA9\\xFF\" "
            "a b\\\"\\\\\\n\xC3\xA9\\ufffd\n");
}

TEST(AccessFormat, JsonOfEveryLength) {
  // Eight bytes at once, and what is left: whatever stands where.
  for (std::size_t length = 1; length < 40; ++length) {
    for (std::size_t at = 0; at <= length; ++at) {
      AccessRecord record;
      std::string agent(length, 'a'), expected = agent;
      if (at < length) {
        agent[at] = '\n';
        expected.replace(at, 1, "\\n");
      }
      record.user_agent = agent;
      ASSERT_NE(line_of(record, Format::json).find("\"user_agent\":\"" + expected + "\"}"), std::string::npos)
          << length << ' ' << at;
    }
  }
}

TEST(AccessFormat, TheWorstRecordFits) {
  AccessRecord record = example();
  const std::string worst(10'000, '\xff');
  for (auto view : {&AccessRecord::request_id, &AccessRecord::client, &AccessRecord::listener, &AccessRecord::route,
                    &AccessRecord::user, &AccessRecord::method, &AccessRecord::host, &AccessRecord::target,
                    &AccessRecord::upstream, &AccessRecord::endpoint, &AccessRecord::tls_version,
                    &AccessRecord::user_agent, &AccessRecord::referer, &AccessRecord::error}) {
    record.*view = worst;
  }
  EXPECT_GT(line_of(record, Format::json).size(), 40'000U);
  std::string secrets = "/?";
  while (secrets.size() < 4000) secrets += "sig=&";
  record.target = record.referer = secrets;
  EXPECT_NE(line_of(record, Format::json).find("sig=***&sig=***"), std::string::npos);
}

TEST(AccessFormat, NothingForgesALine) {
  AccessRecord record = example();
  const std::string evil = "a\r\nGET /forged \"\\ \x1b[2J \xff\xC2\x9B";
  for (auto view : {&AccessRecord::request_id, &AccessRecord::client, &AccessRecord::user, &AccessRecord::method,
                    &AccessRecord::host, &AccessRecord::target, &AccessRecord::user_agent, &AccessRecord::referer}) {
    record.*view = evil;
  }
  for (const Format format : {Format::json, Format::common, Format::combined, Format::text}) {
    const std::string line = line_of(record, format, "{user_agent} \"{referer}\" {target:json} {request_id} {host}");
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
