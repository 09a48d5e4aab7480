#include "grpc/base64.h"

namespace postern::grpc {

namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kPad = 64;
constexpr std::uint8_t kBad = 128;

constexpr std::array<std::uint8_t, 256> kValues = [] {
  std::array<std::uint8_t, 256> values{};
  for (std::uint8_t& value : values) value = kBad;
  for (std::uint8_t i = 0; i < 64; ++i) values[static_cast<unsigned char>(kAlphabet[i])] = i;
  values['='] = kPad;
  return values;
}();

std::uint8_t value_of(char c) noexcept { return kValues[static_cast<unsigned char>(c)]; }

void put_three(char* out, unsigned bits) noexcept {
  out[0] = static_cast<char>(bits >> 16);
  out[1] = static_cast<char>(bits >> 8);
  out[2] = static_cast<char>(bits);
}

void put_four(char* out, unsigned bits) noexcept {
  out[0] = kAlphabet[(bits >> 18) & 63];
  out[1] = kAlphabet[(bits >> 12) & 63];
  out[2] = kAlphabet[(bits >> 6) & 63];
  out[3] = kAlphabet[bits & 63];
}

unsigned byte_at(std::string_view text, std::size_t i) noexcept { return static_cast<unsigned char>(text[i]); }

}  // namespace

bool Base64Decoder::finish_quantum(std::span<char> out, std::size_t& made) noexcept {
  const unsigned a = quantum_[0], b = quantum_[1], c = quantum_[2], d = quantum_[3];
  const unsigned pads = (c == kPad ? 1U : 0U) + (d == kPad ? 1U : 0U);
  const bool in_place = a < kPad && b < kPad && (c != kPad || d == kPad);
  const bool zero_bits = pads == 0 || (pads == 1 ? (c & 3) == 0 : (b & 15) == 0);
  if (!in_place || !zero_bits) return false;
  const unsigned bits = a << 18 | b << 12 | (c & 63) << 6 | (d & 63);
  for (unsigned i = 0; i < 3 - pads; ++i) out[made++] = static_cast<char>(bits >> (16 - 8 * i));
  count_ = 0;
  return true;
}

Coded Base64Decoder::decode(std::string_view in, std::span<char> out) noexcept {
  Coded done;
  while (!broken_ && done.taken < in.size() && out.size() - done.made >= 3) {
    if (count_ == 0 && in.size() - done.taken >= 4) {
      const char* const p = in.data() + done.taken;
      const unsigned a = value_of(p[0]), b = value_of(p[1]), c = value_of(p[2]), d = value_of(p[3]);
      if ((a | b | c | d) < kPad) {
        put_three(out.data() + done.made, a << 18 | b << 12 | c << 6 | d);
        done.taken += 4;
        done.made += 3;
        continue;
      }
    }
    const std::uint8_t value = value_of(in[done.taken]);
    if (value == kBad) {
      broken_ = true;
      break;
    }
    quantum_[count_++] = value;
    ++done.taken;
    if (count_ == 4 && !finish_quantum(out, done.made)) broken_ = true;
  }
  return done;
}

Coded Base64Encoder::encode(std::string_view in, std::span<char> out) noexcept {
  Coded done;
  while (count_ + (in.size() - done.taken) >= 3 && out.size() - done.made >= 4) {
    unsigned bits = 0;
    for (unsigned i = 0; i < 3; ++i) bits = bits << 8 | (i < count_ ? rest_[i] : byte_at(in, done.taken + i - count_));
    done.taken += 3U - count_;
    count_ = 0;
    put_four(out.data() + done.made, bits);
    done.made += 4;
  }
  if (count_ + (in.size() - done.taken) < 3) {
    while (done.taken < in.size()) rest_[count_++] = static_cast<std::uint8_t>(in[done.taken++]);
  }
  return done;
}

std::size_t Base64Encoder::finish(std::span<char> out) noexcept {
  if (count_ == 0) return 0;
  put_four(out.data(),
           static_cast<unsigned>(rest_[0]) << 16 | (count_ == 2 ? static_cast<unsigned>(rest_[1]) << 8 : 0));
  out[3] = '=';
  if (count_ == 1) out[2] = '=';
  count_ = 0;
  return 4;
}

}  // namespace postern::grpc
