// SRV answers as bytes, right and wrong; and which addresses are endpoints.
#include "discovery/dns_answer.h"

#include <gtest/gtest.h>

#include "unit/discovery/dns_message.h"

namespace postern::discovery {
namespace {

TEST(ParseServices, GivesTheRecordsInOrderAndTheLowestTtl) {
  DnsMessage message("_http._tcp.m.test", 33);
  message.cname("real.test", 7);
  message.srv(2, 5, 81, "B.test", 30);
  message.srv(1, 0, 80, "a.test", 60);
  message.srv(1, 0, 80, "a.test", 60);
  const ServiceAnswer answer = parse_services(message.bytes());
  ASSERT_FALSE(answer.absence) << answer.why;
  const std::vector<ServiceRecord> want{{"a.test", 80, 1, 0}, {"b.test", 81, 2, 5}};
  EXPECT_EQ(answer.records, want);
  EXPECT_EQ(answer.ttl_s, 7u);
}

TEST(ParseServices, TakesATtlWithItsTopBitForNone) {
  DnsMessage message("_http._tcp.m.test", 33);
  message.srv(1, 0, 80, "a.test", 0x80000001);
  EXPECT_EQ(parse_services(message.bytes()).ttl_s, 0u);
}

TEST(ParseServices, LeavesOutWhatCannotBeConnectedTo) {
  DnsMessage message("_http._tcp.m.test", 33);
  message.srv(1, 0, 80, "", 5);  // RFC 2782: decidedly not available
  const ServiceAnswer none = parse_services(message.bytes());
  EXPECT_EQ(none.absence, Absence::empty);
  message.srv(1, 0, 0, "a.test", 5);
  message.srv(1, 0, 80, "a b.test", 5);
  message.srv(1, 0, 80, "10.0.0.1", 5);
  EXPECT_EQ(parse_services(message.bytes()).absence, Absence::empty);
  message.srv(1, 0, 80, "c.test", 5);
  EXPECT_EQ(parse_services(message.bytes()).records.size(), 1u);
}

TEST(ParseServices, RefusesWhatIsBroken) {
  DnsMessage message("_http._tcp.m.test", 33);
  message.srv(1, 0, 80, "a.test", 5);
  const std::vector<std::uint8_t> whole = message.bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(parse_services(std::span(whole).first(size)).absence) << size;
  }
  for (std::size_t i = 12; i < whole.size(); ++i) {  // never a crash, whatever it comes to
    for (const int bit : {1, 0x80, 0xff}) {
      std::vector<std::uint8_t> bent = whole;
      bent[i] = static_cast<std::uint8_t>(bent[i] ^ bit);
      parse_services(bent);
    }
  }
  DnsMessage loop("_http._tcp.m.test", 33);
  loop.record(33, 5, {0, 1, 0, 1, 0, 80, 0xc0, static_cast<std::uint8_t>(loop.next_data() + 6)});  // points at itself
  EXPECT_EQ(parse_services(loop.bytes()).absence, Absence::invalid);
  DnsMessage small("_http._tcp.m.test", 33);
  small.record(33, 5, {0, 1, 0, 1, 0, 80});
  EXPECT_EQ(parse_services(small.bytes()).absence, Absence::invalid);
  DnsMessage trailing("_http._tcp.m.test", 33);
  trailing.record(33, 5, {0, 1, 0, 1, 0, 80, 1, 'a', 0, 9});
  EXPECT_EQ(parse_services(trailing.bytes()).absence, Absence::invalid);
}

struct Case {
  const char* address;
  bool usable;
};

class Usable : public testing::TestWithParam<Case> {};

TEST_P(Usable, IsWhatCanBeConnectedTo) { EXPECT_EQ(is_usable(*http::parse_ip(GetParam().address)), GetParam().usable); }

INSTANTIATE_TEST_SUITE_P(Addresses, Usable,
                         testing::Values(Case{"10.0.0.1", true}, Case{"127.0.0.1", true}, Case{"169.254.1.1", true},
                                         Case{"240.0.0.1", true}, Case{"0.0.0.0", false}, Case{"0.1.2.3", false},
                                         Case{"224.0.0.1", false}, Case{"239.255.255.255", false},
                                         Case{"255.255.255.255", false}, Case{"::", false}, Case{"::1", true},
                                         Case{"2001:db8::1", true}, Case{"fd00::1", true}, Case{"fe80::1", false},
                                         Case{"ff02::1", false}, Case{"::ffff:0.0.0.0", false},
                                         Case{"::ffff:224.0.0.1", false}, Case{"::ffff:10.0.0.1", true}));

}  // namespace
}  // namespace postern::discovery
