// c-ares on an io_context, against a server in the same loop that answers as the test says. Timeouts are real and
// short.
#include "discovery/ares_client.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/ip/udp.hpp>

#include "unit/discovery/dns_message.h"

namespace postern::discovery {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using config::AddressFamily;

constexpr std::uint16_t kA = 1;
constexpr std::uint16_t kSrv = 33;

/// Answers every query by `answer`; an empty answer is none.
class Server {
 public:
  using Answer = std::function<std::vector<std::uint8_t>(std::uint16_t id, std::uint16_t type)>;

  Server(asio::io_context& io, Answer answer)
      : socket_(io, udp::endpoint(asio::ip::address_v4::loopback(), 0)), answer_(std::move(answer)) {
    receive();
  }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(socket_.local_endpoint().port()); }
  [[nodiscard]] int queries() const { return queries_; }
  void set(Answer answer) { answer_ = std::move(answer); }

 private:
  void receive() {
    socket_.async_receive_from(asio::buffer(query_), peer_, [this](const boost::system::error_code& e, std::size_t n) {
      if (e) return;
      ++queries_;
      std::size_t end = 12;
      while (end < n && query_[end] != 0) end += query_[end] + 1u;
      const auto id = static_cast<std::uint16_t>(query_[0] << 8 | query_[1]);
      const std::vector<std::uint8_t> bytes = answer_(id, query_[end + 2]);
      if (!bytes.empty()) socket_.send_to(asio::buffer(bytes), peer_);
      receive();
    });
  }

  udp::socket socket_;
  Answer answer_;
  int queries_ = 0;
  udp::endpoint peer_;
  std::array<std::uint8_t, 512> query_{};
};

class AresClientTest : public testing::Test {
 protected:
  void SetUp() override { client_ = std::make_unique<AresClient>(io_, AresClient::Options{{server_.address()}, 300}); }
  AddressAnswer find(AddressFamily family = AddressFamily::ipv4, const char* host = "m.test") {
    std::optional<AddressAnswer> got;
    client_->find_addresses(host, family, [&](AddressAnswer answer) { got = std::move(answer); });
    EXPECT_FALSE(got) << "never from within the call";
    while (!got && io_.run_one_for(std::chrono::seconds(10)) != 0) {
    }
    return got.value_or(AddressAnswer{Absence::invalid, "no answer at all", 0, {}});
  }
  static Server::Answer with(std::vector<std::array<int, 4>> addresses, std::uint32_t ttl) {
    return [=](std::uint16_t id, std::uint16_t type) {
      DnsMessage message("m.test", type, id);
      for (const auto& a : addresses) {
        if (type == kA) message.a({a[0], a[1], a[2], a[3]}, ttl);
      }
      return message.bytes();
    };
  }

  asio::io_context io_;
  Server server_{io_, with({{10, 0, 0, 1}, {10, 0, 0, 2}}, 7)};
  std::unique_ptr<AresClient> client_;
};

TEST_F(AresClientTest, FindsAddressesWithTheirTtl) {
  const AddressAnswer answer = find();
  EXPECT_FALSE(answer.absence) << answer.why;
  EXPECT_EQ(answer.addresses, (std::vector{*http::parse_ip("10.0.0.1"), *http::parse_ip("10.0.0.2")}));
  EXPECT_EQ(answer.ttl_s, 7u);
}

TEST_F(AresClientTest, KnowsThisMachineWithoutAsking) {
  for (const char* host : {"localhost", "LocalHost.", "model.localhost"}) {
    EXPECT_EQ(find(AddressFamily::ipv4, host).addresses, std::vector{*http::parse_ip("127.0.0.1")}) << host;
    EXPECT_EQ(find(AddressFamily::ipv6, host).addresses, std::vector{*http::parse_ip("::1")}) << host;
  }
  EXPECT_TRUE(find(AddressFamily::ipv4, "notlocalhost").absence);  // asked of the server, which knows m.test only
}

TEST_F(AresClientTest, FindsServices) {
  server_.set([](std::uint16_t id, std::uint16_t) {
    DnsMessage message("_http._tcp.m.test", kSrv, id);
    message.srv(1, 2, 80, "a.test", 9);
    return message.bytes();
  });
  std::optional<ServiceAnswer> got;
  client_->find_services("_http._tcp.m.test", [&](ServiceAnswer answer) { got = std::move(answer); });
  while (!got && io_.run_one_for(std::chrono::seconds(10)) != 0) {
  }
  ASSERT_TRUE(got);
  EXPECT_EQ(got->records, (std::vector<ServiceRecord>{{"a.test", 80, 1, 2}}));
  EXPECT_EQ(got->ttl_s, 9u);
}

TEST_F(AresClientTest, TellsNothingFromNoAnswer) {
  EXPECT_EQ(find(AddressFamily::ipv6).absence, Absence::empty) << "no records of that type";
  const auto code = [](std::uint8_t c) {
    return [c](std::uint16_t id, std::uint16_t type) { return DnsMessage("m.test", type, id, c).bytes(); };
  };
  server_.set(code(3));
  EXPECT_EQ(find().absence, Absence::empty) << "NXDOMAIN";
  server_.set(code(2));
  EXPECT_EQ(find().absence, Absence::failed) << "SERVFAIL";
  server_.set(code(5));
  EXPECT_EQ(find().absence, Absence::failed) << "REFUSED";
}

TEST_F(AresClientTest, GivesUpOnSilenceAndGoesOnAfterIt) {
  server_.set([](std::uint16_t, std::uint16_t) { return std::vector<std::uint8_t>(); });
  const AddressAnswer answer = find();
  EXPECT_EQ(answer.absence, Absence::failed);
  EXPECT_EQ(server_.queries(), 2);
  server_.set(with({{10, 0, 0, 3}}, 1));
  EXPECT_EQ(find().addresses.size(), 1u);
}

TEST_F(AresClientTest, IgnoresAnswersToWhatItDidNotAsk) {
  server_.set([](std::uint16_t id, std::uint16_t type) {
    DnsMessage message("m.test", type, static_cast<std::uint16_t>(id ^ 1));
    message.a({10, 66, 66, 66}, 5);
    return message.bytes();
  });
  EXPECT_EQ(find().absence, Absence::failed);
}

TEST_F(AresClientTest, MayEndWithQueriesUnderWay) {
  client_->find_addresses("m.test", AddressFamily::ipv4, [](AddressAnswer) { FAIL(); });
  client_->find_services("_m._tcp.test", [](ServiceAnswer) { FAIL(); });
  client_.reset();
  io_.run_for(std::chrono::milliseconds(20));
}

TEST_F(AresClientTest, SaysWhyItCannotAsk) {
  client_ = std::make_unique<AresClient>(io_, AresClient::Options{{"not a server"}, 300});
  const AddressAnswer answer = find();
  EXPECT_EQ(answer.absence, Absence::failed);
  EXPECT_FALSE(answer.why.empty());
}

}  // namespace
}  // namespace postern::discovery
