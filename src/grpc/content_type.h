// What a content-type says about a message's part in gRPC, and the same type in the other dialect.
// The pipeline asks once per request. Pure functions, no allocation, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace postern::grpc {

enum class Kind : std::uint8_t {
  none,
  grpc,      // application/grpc
  web,       // application/grpc-web: the same frames, trailers as a last frame of the body
  web_text,  // application/grpc-web-text: that in base64, for browsers that cannot read bytes as they come
};
constexpr bool is_web(Kind kind) noexcept { return kind == Kind::web || kind == Kind::web_text; }

struct ContentType {
  Kind kind = Kind::none;
  std::string_view suffix{};  // of the messages' encoding, with its '+': "+proto"; empty means proto
};

/// Parameters are ignored. An overlong or odd suffix makes it no gRPC at all.
ContentType parse_content_type(std::string_view value) noexcept;
inline Kind kind_of(std::string_view content_type) noexcept { return parse_content_type(content_type).kind; }

/// In which dialect to answer a request of `kind`: gRPC-Web clients may ask for another one in Accept.
Kind answer_kind(Kind kind, std::string_view accept) noexcept;

/// "application/grpc-web+proto" for web and the like. Never empty: without room for the suffix it goes without.
std::string_view write_content_type(Kind kind, std::string_view suffix, std::span<char> space) noexcept;

/// The same for postern's own answers, which have no messages.
std::string_view content_type_of(Kind kind) noexcept;

}  // namespace postern::grpc
