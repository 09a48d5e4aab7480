// The chunked decoder: state, body, trailers and consumed bytes must not depend on the cuts.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wire/h1_chunked.h"

namespace {

using namespace postern;
using State = wire::ChunkedDecoder::State;

struct Outcome {
  State state = State::needs_more;
  std::size_t consumed = 0;
  std::uint16_t http_status = 0;
  std::string body;
  std::string trailers;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome decode(const std::uint8_t* data, std::size_t size, std::size_t step) {
  static constexpr std::array<std::string_view, 1> kAny{"*"};
  std::vector<char> space(wire::ChunkedDecoder::kTrailerBytes);
  http::Fields trailers;
  wire::ChunkedDecoder decoder(space, &trailers, kAny);
  Outcome outcome;
  for (std::size_t from = 0; from < size; from += step) {
    const std::size_t n = std::min(step, size - from);
    auto piece = std::make_unique<char[]>(n);
    std::memcpy(piece.get(), data + from, n);
    std::string_view input(piece.get(), n);
    do {
      const auto result = decoder.next(input);
      outcome.state = result.state;
      outcome.consumed += result.consumed;
      outcome.http_status = result.http_status;
      outcome.body += result.data;
      if (result.consumed > input.size()) std::abort();
      input.remove_prefix(result.consumed);
    } while (outcome.state == State::data);
    if (outcome.state != State::needs_more) break;
    if (!input.empty()) std::abort();
  }
  for (std::size_t i = 0; i < trailers.size(); ++i) {
    const http::Field field = trailers[i];
    if (!wire::is_allowed_trailer(field.name, kAny)) std::abort();
    outcome.trailers += std::string(field.name) + ":" + std::string(field.value) + "\n";
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = 1 + data[0] % 32;
  const Outcome whole = decode(data + 1, size - 1, size);
  if (!(whole == decode(data + 1, size - 1, step))) std::abort();
  return 0;
}
