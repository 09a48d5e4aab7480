// Where the frames of one direction of a WebSocket end (RFC 6455 5.2): only there may somebody else say a word, and the
// only word is Close. Looks at headers alone, changes and keeps nothing, trusts nobody: both ends may send anything.
// Tunnels feed it what they pass on. One core only, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::wire {

class WsFrames {
 public:
  enum class Sender : std::uint8_t { client, server };  // a client's frames are masked, a server's are not

  explicit WsFrames(Sender sender) noexcept : sender_(sender) {}

  /// All of it passes by.
  void feed(std::string_view bytes) noexcept;
  /// As much of it as brings the stream to the next end of a frame: that many bytes, all of them where none comes.
  std::size_t feed_to_boundary(std::string_view bytes) noexcept;

  /// Between two frames, with everything sound so far.
  [[nodiscard]] bool at_boundary() const noexcept { return !broken_ && have_ == 0 && left_ == 0; }
  /// These are no WebSocket frames: nothing more is known, for good.
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  /// A Close has passed as a whole: its sender says nothing more.
  [[nodiscard]] bool closed() const noexcept { return closed_; }

 private:
  bool take_header(char c) noexcept;
  bool begin_payload() noexcept;

  static constexpr std::size_t kHeaderMax = 14;

  std::uint64_t left_ = 0;  // of the payload
  std::array<unsigned char, kHeaderMax> header_;
  std::uint8_t have_ = 0;  // bytes of a header that is not whole
  std::uint8_t need_ = 2;
  Sender sender_;
  bool broken_ = false;
  bool closing_ = false;  // the frame at hand is a Close
  bool closed_ = false;
};

inline constexpr std::size_t kWsCloseMax = 8;
inline constexpr std::uint16_t kWsGoingAway = 1001;

/// A whole Close frame with that code, as `sender` writes it. Returns its end.
char* write_ws_close(char* out, WsFrames::Sender sender, std::uint16_t code) noexcept;

}  // namespace postern::wire
