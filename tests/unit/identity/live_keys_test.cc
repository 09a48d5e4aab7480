#include "identity/live_keys.h"

#include <gtest/gtest.h>

#include "identity/issuer_set.h"

namespace postern::identity {
namespace {

std::shared_ptr<const KeySet> keys_of(const std::string& x) {
  const std::string json = R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":")" + x + R"("}]})";
  return KeySet::from_jwks(json).keys;
}

std::shared_ptr<const IssuerSet> two_issuers() {
  config::Issuer first;
  first.name = "first";
  first.url = "https://a.example";
  first.audiences = {"x"};
  config::Issuer second = first;
  second.name = "second";
  second.url = "https://b.example";
  return IssuerSet::make({first, second}, {}, 16 * 1024);
}

TEST(LiveKeys, AnEpochChangesOnlyWithTheKeys) {
  LiveKeys live;
  const KeyId some[] = {3, 1, 2};
  const KeyId same[] = {1, 2, 3};
  live.set(7, some);
  const std::uint64_t epoch = live.epoch();
  live.set(7, same);
  EXPECT_EQ(live.epoch(), epoch);
  EXPECT_TRUE(live.contains(7, 2));
  EXPECT_FALSE(live.contains(6, 2));
  EXPECT_FALSE(live.contains(7, 4));
  live.set(7, {});
  EXPECT_GT(live.epoch(), epoch);
  EXPECT_FALSE(live.contains(7, 2));
}

TEST(LiveKeys, TakesOverWhatAnIssuerSetHas) {
  // RFC 8037, appendix A.2, and another key.
  const auto keys = keys_of("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->keys().size(), 1u);
  const KeyId id = keys->keys()[0].id;
  const auto none = two_issuers();
  const auto with = none->with_keys(1, keys);
  LiveKeys live;
  const KeyId api[] = {5};
  live.set(kApiKeyIssuer, api);
  live.set(9, api);  // of an older config, with more issuers
  live.set_all(*with);
  EXPECT_FALSE(live.contains(0, id));
  EXPECT_TRUE(live.contains(1, id));
  EXPECT_FALSE(live.contains(9, 5));
  EXPECT_TRUE(live.contains(kApiKeyIssuer, 5));
  const std::uint64_t epoch = live.epoch();
  live.set_all(*with);
  EXPECT_EQ(live.epoch(), epoch);
  live.set_all(*none);
  EXPECT_FALSE(live.contains(1, id));
}

}  // namespace
}  // namespace postern::identity
