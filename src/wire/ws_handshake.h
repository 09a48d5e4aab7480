// The two values by which both ends of an HTTP/1 connection agree that it becomes a WebSocket (RFC 6455 4), and the
// fields around them. Called by the HTTP/1 connections of both sides; no I/O. Frames are in ws_frames.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/head.h"

namespace postern::wire {

inline constexpr std::string_view kWebSocket = "websocket";
inline constexpr std::string_view kWsKeyField = "Sec-WebSocket-Key";
inline constexpr std::string_view kWsAcceptField = "Sec-WebSocket-Accept";
inline constexpr std::string_view kWsVersionField = "Sec-WebSocket-Version";
inline constexpr std::string_view kWsVersion = "13";

inline constexpr std::size_t kWsKeySize = 24;
inline constexpr std::size_t kWsAcceptSize = 28;
using WsKey = std::array<char, kWsKeySize>;
using WsAccept = std::array<char, kWsAcceptSize>;

/// 16 random bytes in base64.
WsKey make_ws_key() noexcept;
/// Whether it can be 16 bytes in base64.
bool is_ws_key(std::string_view text) noexcept;
/// What a server answers to that key. False: not to be had.
bool ws_accept(std::string_view key, WsAccept& out) noexcept;

/// What a client's fields come to. `wanted`: they name websocket among the protocols to upgrade to, so the request is
/// a handshake or an error. Then `status` is 0 and `key` the client's, or `status` and `reason` refuse it.
struct WsUpgrade {
  bool wanted = false;
  std::uint16_t status = 0;
  const char* reason = nullptr;
  std::string_view key;
};
WsUpgrade read_ws_upgrade(const http::RequestHead& head) noexcept;

/// Whether a 101 agrees to the handshake that was begun with `key`.
bool is_ws_agreement(const http::ResponseHead& head, std::string_view key) noexcept;

/// Fields that each hop makes for itself.
bool is_ws_hop_field(std::string_view name) noexcept;

}  // namespace postern::wire
