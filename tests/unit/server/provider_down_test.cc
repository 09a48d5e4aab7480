// An identity provider that is down for an hour, by the keeper's clock: real keeper, real core, real requests. Those
// who were good stay so, new tokens of known keys too; a key that nobody knows makes 503, as nobody can tell.
#include <gtest/gtest.h>

#include <atomic>
#include <ctime>

#include "identity/issuer_keeper.h"
#include "unit/identity/token_support.h"
#include "unit/net/scripted_server.h"
#include "unit/server/core_support.h"

namespace postern::server {
namespace {

using identity::CoreIdentity;
using identity::IdentitySources;
using identity::IssuerKeeper;
using test::ScriptedServer;
using test::SigningKey;

constexpr std::int64_t kMinute = 60'000;
constexpr const char* kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

std::atomic<std::int64_t> fake_now_ms{1'000'000};
std::int64_t fake_clock() noexcept { return fake_now_ms; }

std::string answer_of(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string config_of(std::uint16_t origin, std::uint16_t provider) {
  return test::forwarding_config(origin,
                                 "[route.access]\npolicy = \"authenticated\"\n"
                                 "[[issuer]]\nname = \"corp\"\nurl = \"https://a.example\"\naudiences = [\"api\"]\n"
                                 "allow_http = true\nallow_private = true\nkeys_max_stale = \"24h\"\n"
                                 "jwks_url = \"http://127.0.0.1:" +
                                     std::to_string(provider) + "/keys\"\n");
}

/// What the daemon has between keeper and core.
class Place {
 public:
  Place(std::uint16_t origin, std::uint16_t provider)
      : core_(config_of(origin, provider)),
        keeper_([this](IssuerKeeper::Set set) { install(std::move(set)); }, fake_clock),
        client_(core_.port()) {
    core_.run_on_core([this] {
      gate().waiters().set_ask([this](const std::string& issuer, std::string_view kid, std::uint64_t place) {
        keeper_.ask(issuer, std::string(kid), [this, issuer, place](bool fetched) {
          core_.core().post_answer(place, fetched || !keeper_.is_failing(issuer));
        });
      });
    });
    const config::LoadResult loaded = config::load(config_of(origin, provider), "test.toml", {});
    install(keeper_.apply(loaded.settings.issuers, {}, loaded.settings.credentials.max_token));
    core_.settle();
  }

  /// The status line's number.
  std::string ask(const std::string& token) {
    answer_ = client_.ask("GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + token + "\r\n\r\n");
    return answer_.substr(0, 12) == "HTTP/1.1 200" ? "200" : answer_.substr(9, 3);
  }
  [[nodiscard]] const std::string& answer() const { return answer_; }
  IssuerKeeper& keeper() { return keeper_; }

 private:
  proxy::Gate& gate() { return core_.core().pipeline().gate(); }
  /// As SnapshotBuilder::with_keys() and Core::post_identity() do it.
  void install(IssuerKeeper::Set set) {
    core_.core().loop().post([this, s = std::move(set)] {
      CoreIdentity& identity = gate().identity();
      auto sources = std::make_shared<IdentitySources>(identity.sources());
      sources->issuers = s;
      identity.install(std::move(sources), std::time(nullptr));
    });
  }

  test::RunningCore core_;
  IssuerKeeper keeper_;
  test::Client client_;
  std::string answer_;
};

std::string token_of(const std::string& subject, const std::string& kid = "k") {
  return test::make_token(SigningKey::rsa(), crypto::SignatureAlgorithm::rs256,
                          R"({"alg":"RS256","kid":")" + kid + R"("})",
                          R"({"iss":"https://a.example","aud":"api","sub":")" + subject + R"(","exp":)" +
                              std::to_string(std::time(nullptr) + 3600) + "}");
}

TEST(ProviderDown, ForAnHourGoodTokensGoOnAndUnknownKeysAreNotRefusedForGood) {
  test::Origin origin(kAnswer);
  ScriptedServer provider({answer_of(test::jwks({SigningKey::rsa().jwk(R"(,"kid":"k")")})),
                           "HTTP/1.1 500 Down\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"});
  Place place(origin.port(), provider.port());
  const std::string good = token_of("good"), unknown = token_of("new", "k2");
  ASSERT_EQ(place.ask(good), "200") << place.answer();
  for (int minute = 1; minute <= 60; ++minute) {
    fake_now_ms += kMinute;
    ASSERT_EQ(place.ask(good), "200") << minute;                                    // recalled
    ASSERT_EQ(place.ask(token_of("s" + std::to_string(minute))), "200") << minute;  // verified
    ASSERT_EQ(place.ask(unknown), "503") << minute;
    EXPECT_NE(place.answer().find("Retry-After: "), std::string::npos) << place.answer();
  }
  const identity::IssuerStatus hour = place.keeper().status().at(0);
  EXPECT_GE(hour.fetches_bad, 60U);  // it was asked all the time
  EXPECT_TRUE(hour.is_failing);
  EXPECT_TRUE(hour.has_keys);

  // Not for ever: keys_max_stale, and their own ten minutes.
  fake_now_ms += 24 * 60 * kMinute;
  std::string status;
  for (int tries = 0; tries < 100 && status != "503"; ++tries) {
    ASSERT_EQ(place.ask(unknown), "503");  // the keeper has a look at its clock
    status = place.ask(good);
  }
  EXPECT_EQ(status, "503");
  EXPECT_EQ(place.ask(token_of("late")), "503");
}

}  // namespace
}  // namespace postern::server
