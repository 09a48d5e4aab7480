#include "wire/ws_frames.h"

#include <sys/random.h>

#include <algorithm>
#include <cstring>

namespace postern::wire {

namespace {
constexpr unsigned kFin = 0x80;
constexpr unsigned kMasked = 0x80;
constexpr unsigned kControl = 0x08;
constexpr unsigned kClose = 0x08;
constexpr unsigned kLength16 = 126;
constexpr unsigned kLength64 = 127;
constexpr std::uint8_t kMaskSize = 4;
}  // namespace

// One byte of a header. False: no frame begins like this.
bool WsFrames::take_header(char c) noexcept {
  header_[have_++] = static_cast<unsigned char>(c);
  if (have_ == 1) {
    const unsigned opcode = header_[0] & 15U;
    // 3 to 7 and 11 to 15 mean nothing; control frames come whole.
    if ((opcode & 7U) > 2 || ((opcode & kControl) != 0 && (header_[0] & kFin) == 0)) return false;
    closing_ = opcode == kClose;
    need_ = 2;
    return true;
  }
  if (have_ == 2) {
    const bool masked = (header_[1] & kMasked) != 0;
    const unsigned length = header_[1] & 127U;
    if (masked != (sender_ == Sender::client)) return false;
    if ((header_[0] & kControl) != 0 && length >= kLength16) return false;
    need_ = static_cast<std::uint8_t>(2 + (length == kLength16 ? 2 : 0) + (length == kLength64 ? 8 : 0) +
                                      (masked ? kMaskSize : 0));
  }
  return have_ < need_ || begin_payload();
}

bool WsFrames::begin_payload() noexcept {
  left_ = header_[1] & 127U;
  const std::size_t digits = left_ == kLength16 ? 2 : left_ == kLength64 ? 8 : 0;
  if (digits != 0) {
    left_ = 0;
    for (std::size_t i = 0; i < digits; ++i) left_ = left_ << 8 | header_[2 + i];
  }
  have_ = 0;
  return left_ >> 63 == 0;
}

std::size_t WsFrames::feed_to_boundary(std::string_view bytes) noexcept {
  std::size_t done = 0;
  while (done < bytes.size() && !broken_ && !closed_) {
    if (left_ == 0) {
      broken_ = !take_header(bytes[done++]);
    } else {
      const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - done));
      left_ -= step;
      done += step;
    }
    if (!at_boundary()) continue;
    closed_ = closing_;
    return done;
  }
  return bytes.size();
}

void WsFrames::feed(std::string_view bytes) noexcept {
  while (!bytes.empty()) bytes.remove_prefix(feed_to_boundary(bytes));
}

char* write_ws_close(char* out, WsFrames::Sender sender, std::uint16_t code) noexcept {
  std::array<unsigned char, kMaskSize> mask{};
  const bool masked = sender == WsFrames::Sender::client;
  *out++ = static_cast<char>(kFin | kClose);
  *out++ = static_cast<char>((masked ? kMasked : 0U) | 2U);
  if (masked) {
    // Any mask is a sound one, also the zeros that a failing kernel would leave.
    [[maybe_unused]] const auto got = ::getrandom(mask.data(), mask.size(), 0);
    std::memcpy(out, mask.data(), mask.size());
    out += mask.size();
  }
  *out++ = static_cast<char>((code >> 8) ^ mask[0]);
  *out++ = static_cast<char>((code & 255) ^ mask[1]);
  return out;
}

}  // namespace postern::wire
