// gRPC-Web's text dialect: what is decoded must not depend on the cuts, and what is encoded comes back.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "grpc/base64.h"

namespace {

using namespace postern;

struct Outcome {
  std::string bytes;
  bool whole = false;
  bool broken = false;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome decode(std::string_view text, std::size_t step, std::size_t room) {
  grpc::Base64Decoder decoder;
  Outcome outcome;
  std::string space(room, '\0');
  while (!text.empty() && !decoder.is_broken()) {
    const std::string piece(text.substr(0, step));  // of exact size: a read past it is seen
    const grpc::Coded done = decoder.decode(piece, space);
    if (done.taken > piece.size() || done.made > room) std::abort();
    if (done.taken == 0 && !decoder.is_broken()) std::abort();  // stuck
    outcome.bytes.append(space, 0, done.made);
    text.remove_prefix(done.taken);
  }
  outcome.whole = decoder.is_whole();
  outcome.broken = decoder.is_broken();
  return outcome;
}

std::string encode(std::string_view bytes, std::size_t step, std::size_t room) {
  grpc::Base64Encoder encoder;
  std::string text;
  std::string space(room, '\0');
  while (!bytes.empty()) {
    const std::string piece(bytes.substr(0, step));
    const grpc::Coded done = encoder.encode(piece, space);
    if (done.taken == 0 || done.taken > piece.size() || done.made > room) std::abort();
    text.append(space, 0, done.made);
    bytes.remove_prefix(done.taken);
  }
  const std::size_t made = encoder.finish(space);
  return text.append(space, 0, made);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = 1 + data[0] % 16;
  const std::size_t room = 4 + data[1] % 16;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (!(decode(input, step, room) == decode(input, size, size + 4))) std::abort();
  const std::string text = encode(input, step, room);
  const Outcome back = decode(text, room, step + 3);
  if (!back.whole || back.bytes != input) std::abort();
  return 0;
}
