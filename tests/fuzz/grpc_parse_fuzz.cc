// The small parsers of gRPC: health answers, grpc-timeout, grpc-status, content types, and encoded messages.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "grpc/content_type.h"
#include "grpc/health.h"
#include "grpc/status.h"
#include "grpc/timeout.h"

namespace {

using namespace postern;

void check_message(std::string_view text) {
  std::array<char, 48> space{};
  for (const char c : grpc::percent_encode(text, space)) {
    if (c < 0x20 || c > 0x7e) std::abort();
  }
}

void check_content_type(std::string_view text) {
  const grpc::ContentType type = grpc::parse_content_type(text);
  if (type.kind == grpc::Kind::none) return;
  std::array<char, 64> space{};
  for (const grpc::Kind kind : {grpc::Kind::grpc, grpc::Kind::web, grpc::Kind::web_text}) {
    const std::string written(grpc::write_content_type(kind, type.suffix, space));
    if (grpc::kind_of(written) != kind) std::abort();
  }
  static_cast<void>(grpc::answer_kind(type.kind, text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      static_cast<void>(grpc::parse_health_response(input));
      break;
    case 1: {
      const auto timeout = grpc::parse_timeout(input);
      if (timeout && (timeout->count() < 0 || *timeout > grpc::kMaxTimeout)) std::abort();
      if (timeout && (input.size() < 2 || input.size() > 9)) std::abort();
      break;
    }
    case 2:
      check_message(input);
      break;
    default:
      check_content_type(input);
      const auto status = grpc::parse_status(input);
      if (status && input.size() > 2) std::abort();
      break;
  }
  return 0;
}
