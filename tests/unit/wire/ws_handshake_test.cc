// The WebSocket handshake: the RFC's example, what a client may ask with, and what a server may agree with.
#include "wire/ws_handshake.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <set>
#include <string>
#include <utility>

namespace postern::wire {
namespace {

using Pairs = std::initializer_list<std::pair<std::string_view, std::string_view>>;

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

http::RequestHead request(Pairs fields) {
  http::RequestHead head;
  head.method = http::Method::get;
  for (const auto& [name, value] : fields) head.fields.add(name, value);
  return head;
}

http::ResponseHead response(Pairs fields, std::uint16_t status = 101) {
  http::ResponseHead head;
  head.status = status;
  for (const auto& [name, value] : fields) head.fields.add(name, value);
  return head;
}

TEST(WsHandshake, AcceptIsThatOfTheRfc) {
  struct Row {
    std::string_view key, accept;
  };
  for (const Row& row : {Row{kKey, kAccept}, Row{"x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="}}) {
    WsAccept accept;
    ASSERT_TRUE(ws_accept(row.key, accept));
    EXPECT_EQ(std::string_view(accept.data(), accept.size()), row.accept);
  }
  WsAccept accept;
  EXPECT_FALSE(ws_accept("short", accept));
}

TEST(WsHandshake, KeysAreValidAndNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const WsKey key = make_ws_key();
    EXPECT_TRUE(is_ws_key({key.data(), key.size()}));
    seen.emplace(key.data(), key.size());
  }
  EXPECT_EQ(seen.size(), 100u);
}

TEST(WsHandshake, KeysThatAreNone) {
  for (const std::string_view bad :
       {"", "==", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZQ=a",
        "dGhlIHNhbXBsZSBub25jZa==x", "dGhlIHNhbXBsZSBub25j ZQ==", "dGhlIHNhbXBsZSBub25-ZQ==",
        "=GhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQQQ"})
    EXPECT_FALSE(is_ws_key(bad)) << bad;
}

TEST(WsHandshake, WhatAClientMayAskWith) {
  for (const auto& good :
       {request({{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {kWsVersionField, "13"}, {kWsKeyField, kKey}}),
        request({{"UPGRADE", "h2c, WebSocket"},
                 {"connection", "keep-alive"},
                 {"Connection", "x, uPgRaDe"},
                 {"sec-websocket-version", "13"},
                 {"sec-websocket-key", kKey}})}) {
    const WsUpgrade upgrade = read_ws_upgrade(good);
    EXPECT_TRUE(upgrade.wanted);
    EXPECT_EQ(upgrade.status, 0) << upgrade.reason;
    EXPECT_EQ(upgrade.key, kKey);
  }
}

TEST(WsHandshake, OtherProtocolsAreNotOurs) {
  for (const auto& other :
       {request({}), request({{"Upgrade", "h2c"}, {"Connection", "Upgrade"}}), request({{"Upgrade", "websockets"}}),
        request({{"Connection", "websocket, upgrade"}}), request({{kWsKeyField, kKey}, {kWsVersionField, "13"}})})
    EXPECT_FALSE(read_ws_upgrade(other).wanted);
}

TEST(WsHandshake, HalfAHandshakeIsRefused) {
  const Pairs whole = {
      {"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {kWsVersionField, "13"}, {kWsKeyField, kKey}};
  http::RequestHead post = request(whole);
  post.method = http::Method::post;
  http::RequestHead old = request(whole);
  old.minor_version = 0;
  http::RequestHead body = request(whole);
  body.framing = http::Framing::length;
  http::RequestHead chunked = request(whole);
  chunked.framing = http::Framing::chunked;
  struct Row {
    const char* what;
    http::RequestHead head;
    std::uint16_t status;
  };
  const Row rows[] = {
      {"post", post, 400},
      {"1.0", old, 400},
      {"length", body, 400},
      {"chunked", chunked, 400},
      {"no connection", request({{"Upgrade", "websocket"}, {kWsVersionField, "13"}, {kWsKeyField, kKey}}), 400},
      {"other connection",
       request({{"Upgrade", "websocket"}, {"Connection", "close"}, {kWsVersionField, "13"}, {kWsKeyField, kKey}}), 400},
      {"no version", request({{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {kWsKeyField, kKey}}), 426},
      {"version 12",
       request({{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {kWsVersionField, "12"}, {kWsKeyField, kKey}}),
       426},
      {"two versions",
       request({{"Upgrade", "websocket"},
                {"Connection", "Upgrade"},
                {kWsVersionField, "13"},
                {kWsVersionField, "13"},
                {kWsKeyField, kKey}}),
       426},
      {"no key", request({{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {kWsVersionField, "13"}}), 400},
      {"bad key",
       request({{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {kWsVersionField, "13"}, {kWsKeyField, "abc"}}),
       400},
      {"two keys",
       request({{"Upgrade", "websocket"},
                {"Connection", "Upgrade"},
                {kWsVersionField, "13"},
                {kWsKeyField, kKey},
                {"sec-websocket-key", kKey}}),
       400},
  };
  for (const Row& row : rows) {
    const WsUpgrade upgrade = read_ws_upgrade(row.head);
    EXPECT_TRUE(upgrade.wanted) << row.what;
    EXPECT_EQ(upgrade.status, row.status) << row.what;
    EXPECT_NE(upgrade.reason, nullptr) << row.what;
  }
}

TEST(WsHandshake, WhatAServerMayAgreeWith) {
  EXPECT_TRUE(is_ws_agreement(
      response({{"upgrade", "WebSocket"}, {"connection", "keep-alive, Upgrade"}, {kWsAcceptField, kAccept}}), kKey));
  http::ResponseHead old = response({{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {kWsAcceptField, kAccept}});
  old.minor_version = 0;
  for (const auto& bad :
       {old, response({{"Upgrade", "websocket"}, {"Connection", "Upgrade"}}),
        response({{"Upgrade", "websocket"}, {kWsAcceptField, kAccept}}),
        response({{"Connection", "Upgrade"}, {kWsAcceptField, kAccept}}),
        response({{"Upgrade", "h2c"}, {"Connection", "Upgrade"}, {kWsAcceptField, kAccept}}),
        response({{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {kWsAcceptField, kKey}}),
        response(
            {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {kWsAcceptField, "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="}}),
        response({{"Upgrade", "websocket"},
                  {"Connection", "Upgrade"},
                  {kWsAcceptField, kAccept},
                  {kWsAcceptField, kAccept}}),
        response({{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {kWsAcceptField, kAccept}}, 200)})
    EXPECT_FALSE(is_ws_agreement(bad, kKey));
}

}  // namespace
}  // namespace postern::wire
