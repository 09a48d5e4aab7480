// Frames of a WebSocket, cut anywhere: the tracker must know where they end, and when they are none.
#include "wire/ws_frames.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

namespace postern::wire {
namespace {

using Sender = WsFrames::Sender;

std::string frame(Sender sender, unsigned first, std::uint64_t size, int width = 0) {
  std::string out(1, static_cast<char>(first));
  const unsigned mask = sender == Sender::client ? 0x80 : 0;
  if (width == 0) width = size < 126 ? 1 : size < 65536 ? 2 : 8;
  out += static_cast<char>(mask | (width == 1 ? size : width == 2 ? 126 : 127));
  for (int i = width - 1; width > 1 && i >= 0; --i) out += static_cast<char>(size >> (8 * i));
  if (mask != 0) out += "\x81\x02\xff\x08";
  return out + std::string(size, '\x88');  // a payload that looks like Close headers
}

TEST(WsFrames, KnowsEveryBoundaryHoweverTheStreamIsCut) {
  std::mt19937 random(7);
  for (const Sender sender : {Sender::client, Sender::server}) {
    std::string stream;
    std::set<std::size_t> ends{0};
    for (const std::uint64_t size : {0, 1, 125, 126, 127, 300, 65535, 65536, 70000, 5, 0}) {
      for (const unsigned first : {0x02U, 0x80U, 0xc1U, 0x00U}) {
        stream += frame(sender, first, size);
        ends.insert(stream.size());
      }
      stream += frame(sender, 0x89, std::min<std::uint64_t>(size, 125));
      ends.insert(stream.size());
    }
    stream += frame(sender, 0x82, 3, 8);  // longer than needed: no business of ours
    ends.insert(stream.size());
    for (int round = 0; round < 40; ++round) {
      WsFrames frames(sender);
      const std::size_t most = round < 2 ? 1 : round < 20 ? 16 : 100'000;
      for (std::size_t at = 0; at < stream.size();) {
        ASSERT_EQ(frames.at_boundary(), ends.count(at) == 1) << at;
        const std::size_t piece = std::min<std::size_t>(1 + random() % most, stream.size() - at);
        frames.feed(std::string_view(stream).substr(at, piece));
        at += piece;
      }
      EXPECT_TRUE(frames.at_boundary());
      EXPECT_FALSE(frames.closed());
    }
    // Step by step from end to end.
    WsFrames frames(sender);
    std::size_t at = 0;
    for (const std::size_t end : ends) {
      if (end == 0) continue;
      at += frames.feed_to_boundary(std::string_view(stream).substr(at));
      ASSERT_EQ(at, end);
      ASSERT_TRUE(frames.at_boundary());
    }
  }
}

TEST(WsFrames, SaysWhereNoBoundaryCame) {
  WsFrames frames(Sender::server);
  EXPECT_EQ(frames.feed_to_boundary(std::string("\x82\x7e\x01", 3)), 3u);
  EXPECT_FALSE(frames.at_boundary());
  EXPECT_EQ(frames.feed_to_boundary(std::string(1, '\0') + std::string(255, 'x')), 256u);
  EXPECT_FALSE(frames.at_boundary());
  EXPECT_EQ(frames.feed_to_boundary("yzzz"), 1u);
  EXPECT_TRUE(frames.at_boundary());
}

TEST(WsFrames, ACloseIsTheLastWord) {
  for (const Sender sender : {Sender::client, Sender::server}) {
    for (const std::uint64_t size : {0, 2, 125}) {
      WsFrames frames(sender);
      const std::string close = frame(sender, 0x88, size);
      frames.feed(frame(sender, 0x81, 5) + close.substr(0, close.size() - 1));
      EXPECT_FALSE(frames.closed());
      frames.feed(close.substr(close.size() - 1));
      EXPECT_TRUE(frames.closed());
      frames.feed("noise that nobody reads");
      EXPECT_TRUE(frames.closed());
      EXPECT_FALSE(frames.broken());
    }
  }
}

TEST(WsFrames, WhatIsNoFrame) {
  struct Row {
    const char* what;
    Sender sender;
    std::string bytes;
  };
  const std::string huge = std::string("\x82\x7f\x80", 3) + std::string(7, '\0');
  const Row rows[] = {
      {"text", Sender::server, "GET / HTTP/1.1\r\n"},
      {"opcode 3", Sender::server, frame(Sender::server, 0x83, 1)},
      {"opcode 11", Sender::server, frame(Sender::server, 0x8b, 1)},
      {"opcode 15", Sender::client, frame(Sender::client, 0x8f, 1)},
      {"fragmented ping", Sender::server, frame(Sender::server, 0x09, 1)},
      {"fragmented close", Sender::client, frame(Sender::client, 0x08, 2)},
      {"long ping", Sender::server, frame(Sender::server, 0x89, 126)},
      {"wide close", Sender::server, frame(Sender::server, 0x88, 2, 8)},
      {"masked server", Sender::server, frame(Sender::client, 0x81, 1)},
      {"bare client", Sender::client, frame(Sender::server, 0x81, 1)},
      {"length over 63 bits", Sender::server, huge},
  };
  for (const Row& row : rows) {
    WsFrames frames(row.sender);
    frames.feed(row.bytes);
    EXPECT_TRUE(frames.broken()) << row.what;
    EXPECT_FALSE(frames.at_boundary()) << row.what;
    frames.feed(frame(row.sender, 0x81, 1));
    EXPECT_TRUE(frames.broken()) << row.what;
    EXPECT_EQ(frames.feed_to_boundary("abc"), 3u);
  }
}

TEST(WsFrames, WritesCloseForBothSides) {
  char out[kWsCloseMax];
  char* end = write_ws_close(out, Sender::server, kWsGoingAway);
  EXPECT_EQ(std::string(out, end), "\x88\x02\x03\xe9");
  end = write_ws_close(out, Sender::client, kWsGoingAway);
  ASSERT_EQ(end - out, 8);
  EXPECT_EQ(std::string(out, 2), "\x88\x82");
  EXPECT_EQ(static_cast<unsigned char>(out[6] ^ out[2]), 0x03);
  EXPECT_EQ(static_cast<unsigned char>(out[7] ^ out[3]), 0xe9);
  WsFrames frames(Sender::client);
  frames.feed({out, 8});
  EXPECT_TRUE(frames.closed());
}

}  // namespace
}  // namespace postern::wire
