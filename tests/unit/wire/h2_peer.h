// The client's end of an HTTP/2 connection, made of frames by hand: tests and fuzz seeds need what no library sends.
// Its HPACK is literals without an index; what the server answers is decoded by nghttp2's inflater.
#pragma once

#include <nghttp2/nghttp2.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unit/net/loop_support.h"

namespace postern::test {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  return out;
}
inline std::string h2_frame(std::uint8_t type, std::uint8_t flags, std::int32_t stream, std::string_view payload = {}) {
  return big_endian(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) +
         big_endian(static_cast<std::uint64_t>(stream), 4) + std::string(payload);
}
inline std::string hpack_text(std::string_view text) {
  std::string out;
  if (text.size() < 127) {
    out += static_cast<char>(text.size());
  } else {
    out += '\x7f';
    std::size_t left = text.size() - 127;
    for (; left >= 128; left /= 128) out += static_cast<char>(left % 128 + 128);
    out += static_cast<char>(left);
  }
  return out + std::string(text);
}
using H2Fields = std::vector<std::pair<std::string, std::string>>;
inline std::string hpack(const H2Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) out += '\0' + hpack_text(name) + hpack_text(value);
  return out;
}
inline H2Fields h2_request(const std::string& method, const std::string& path, const H2Fields& more = {}) {
  H2Fields fields{{":method", method}, {":scheme", "http"}, {":authority", "h"}, {":path", path}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

class H2Peer {
 public:
  struct Answer {
    H2Fields fields;
    std::string body;
    bool ended = false;
    std::int64_t reset = -1;
    [[nodiscard]] std::string get(const std::string& name) const {
      for (const auto& [key, value] : fields) {
        if (key == name) return value;
      }
      return "(none)";
    }
  };
  struct Goaway {
    std::uint32_t last;
    std::uint32_t code;
  };

  explicit H2Peer(PeerEnd peer) : peer_(std::move(peer)) { nghttp2_hd_inflate_new(&inflater_); }
  ~H2Peer() { nghttp2_hd_inflate_del(inflater_); }
  H2Peer(const H2Peer&) = delete;
  H2Peer& operator=(const H2Peer&) = delete;

  void raw(std::string_view bytes) { EXPECT_TRUE(peer_.send(bytes)); }
  /// The preface and SETTINGS: pairs of id and value.
  void greet(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& settings = {}) {
    std::string payload;
    for (const auto& [id, value] : settings) payload += big_endian(id, 2) + big_endian(value, 4);
    raw(std::string(kPreface) + h2_frame(NGHTTP2_SETTINGS, 0, 0, payload));
  }
  void head(std::int32_t id, const H2Fields& fields, bool end = true) {
    const int flags = NGHTTP2_FLAG_END_HEADERS | (end ? NGHTTP2_FLAG_END_STREAM : 0);
    raw(h2_frame(NGHTTP2_HEADERS, static_cast<std::uint8_t>(flags), id, hpack(fields)));
  }
  void data(std::int32_t id, std::string_view bytes, bool end = false) {
    raw(h2_frame(NGHTTP2_DATA, end ? 1 : 0, id, bytes));
  }
  void reset(std::int32_t id, std::uint32_t code) { raw(h2_frame(NGHTTP2_RST_STREAM, 0, id, big_endian(code, 4))); }
  void window(std::int32_t id, std::uint32_t more) { raw(h2_frame(NGHTTP2_WINDOW_UPDATE, 0, id, big_endian(more, 4))); }
  void ping(bool ack = false) { raw(h2_frame(NGHTTP2_PING, ack ? 1 : 0, 0, "12345678")); }

  /// Takes what has come. Returns itself, so that conditions may ask in one breath.
  H2Peer& read() {
    unread_ += peer_.receive();
    while (unread_.size() >= 9) {
      const auto byte = [&](std::size_t i) {
        return static_cast<std::uint32_t>(static_cast<std::uint8_t>(unread_[i]));
      };
      const std::size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
      if (unread_.size() < 9 + size) break;
      const std::int32_t id = static_cast<std::int32_t>(byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8));
      const std::string payload = unread_.substr(9, size);
      take(static_cast<std::uint8_t>(byte(3)), static_cast<std::uint8_t>(byte(4)), id, payload);
      unread_.erase(0, 9 + size);
    }
    return *this;
  }
  PeerEnd& end() { return peer_; }

  std::map<std::int32_t, Answer> answers;
  std::map<std::int32_t, std::uint64_t> windows;  // given by the server
  std::vector<Goaway> goaways;
  int pings = 0;
  int ping_acks = 0;
  bool answers_pings = true;
  bool settings_acked = false;
  int data_frames = 0;

 private:
  static std::uint32_t number(std::string_view text) {
    std::uint32_t out = 0;
    for (const char c : text.substr(0, 4)) out = out << 8 | static_cast<std::uint8_t>(c);
    return out;
  }
  void take(std::uint8_t type, std::uint8_t flags, std::int32_t id, std::string_view payload) {
    Answer& answer = answers[id];
    if (type == NGHTTP2_HEADERS) inflate(answer, payload);
    if (type == NGHTTP2_DATA) {
      answer.body += payload;
      ++data_frames;
    }
    if (type <= NGHTTP2_HEADERS && (flags & 1) != 0) answer.ended = true;
    if (type == NGHTTP2_RST_STREAM) answer.reset = number(payload);
    if (type == NGHTTP2_GOAWAY) goaways.push_back({number(payload), number(payload.substr(4))});
    if (type == NGHTTP2_WINDOW_UPDATE) windows[id] += number(payload);
    if (type == NGHTTP2_SETTINGS && (flags & 1) != 0) settings_acked = true;
    if (type == NGHTTP2_SETTINGS && (flags & 1) == 0) peer_.send(h2_frame(NGHTTP2_SETTINGS, 1, 0));
    if (type == NGHTTP2_PING) {
      ++((flags & 1) != 0 ? ping_acks : pings);
      if ((flags & 1) == 0 && answers_pings) peer_.send(h2_frame(NGHTTP2_PING, 1, 0, payload));
    }
  }
  void inflate(Answer& answer, std::string_view block) {
    const auto* at = reinterpret_cast<const std::uint8_t*>(block.data());
    std::size_t left = block.size();
    for (;;) {
      nghttp2_nv field{};
      int flags = 0;
      const ssize_t used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, at, left, 1);
      if (used < 0) break;
      at += used;
      left -= static_cast<std::size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0)
        answer.fields.emplace_back(std::string(reinterpret_cast<char*>(field.name), field.namelen),
                                   std::string(reinterpret_cast<char*>(field.value), field.valuelen));
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0 || (left == 0 && used == 0)) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
  }

  PeerEnd peer_;
  nghttp2_hd_inflater* inflater_ = nullptr;
  std::string unread_;
};

}  // namespace postern::test
