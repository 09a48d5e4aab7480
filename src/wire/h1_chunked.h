// Incremental decoder of the chunked coding (RFC 9112 7.1), strict, in constant space.
// The HTTP/1 connections feed it what they read and forward the runs that it points at; one per message, one core.
// Copies nothing but trailers (they may straddle reads), allocates nothing, writes no chunks (h1_write.h does).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/fields.h"

namespace postern::wire {

/// Whether a trailer may go on: never one that frames, routes, authenticates, controls or describes the content, and
/// beyond that only what the allow list names (any case; "*" means every other one).
bool is_allowed_trailer(std::string_view name, std::span<const std::string_view> allow_list) noexcept;

class ChunkedDecoder {
 public:
  static constexpr std::size_t kExtensionPerChunk = 256;
  static constexpr std::size_t kExtensionPerMessage = 8192;
  static constexpr std::size_t kTrailerBytes = 8192;
  static constexpr unsigned kTrailerFields = 64;

  enum class State : std::uint8_t {
    needs_more,  // all input consumed, the message goes on
    data,        // `data` is the next run of the body, inside the input
    end,         // the last chunk and the trailers are read; what follows `consumed` belongs to the next message
    failed,      // http_status and reason say why; close the connection
  };

  struct Step {
    std::size_t consumed = 0;  // bytes of the input that are done with (framing and data)
    std::string_view data;     // view into the input, only in State::data
    State state = State::needs_more;
    std::uint16_t http_status = 0;  // failed: 400 or 431 (a response's reader says 502)
    const char* reason = nullptr;   // failed: static text
  };

  /// Discards (but judges) every trailer.
  ChunkedDecoder() noexcept = default;

  /// Keeps the allowed trailers: bytes in `trailer_space`, views of them in `trailers`. All three must outlive the
  /// decoder's use. A trailer that does not fit into what the allowed ones left is 431; kTrailerBytes always suffices.
  ChunkedDecoder(std::span<char> trailer_space, http::Fields* trailers,
                 std::span<const std::string_view> allow_list) noexcept
      : trailer_space_(trailer_space), trailers_(trailers), allow_list_(allow_list) {}

  /// Takes the next step over contiguous input. Call again with the rest (input from `consumed`) after State::data;
  /// with fresh input after needs_more; not at all after end or failed. Needs nothing of earlier input to stay.
  Step next(std::string_view input) noexcept;

  /// Bytes of body announced so far: for body limits, known before the data of the chunk arrive.
  [[nodiscard]] std::uint64_t announced() const noexcept { return announced_; }
  /// True once nothing was fed, or after end: the peer may stop here without cutting a message.
  [[nodiscard]] bool is_done() const noexcept { return phase_ == Phase::done; }

 private:
  enum class Phase : std::uint8_t {
    size_first,      // first digit of a chunk size
    size,            // further digits
    ext_before,      // blanks before ';'
    ext_name_first,  // after ';' and blanks
    ext_name,
    ext_name_blank,  // blanks after the name: '=' or ';'
    ext_value_first,
    ext_value,
    ext_quoted,
    ext_escape,
    ext_quoted_end,
    size_lf,  // after the CR of the size line
    data,
    data_cr,
    data_lf,
    trailer_first,  // start of a trailer line, or the last CR
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf,
    done,
    broken,
  };

  bool fail(std::uint16_t status, const char* reason) noexcept;
  bool take(char c) noexcept;
  bool take_size(char c) noexcept;
  bool take_extension(char c) noexcept;
  bool take_trailer(char c) noexcept;
  bool end_size_line() noexcept;
  bool end_trailer() noexcept;
  bool keep(char c) noexcept;

  // constant after construction
  std::span<char> trailer_space_;
  http::Fields* trailers_ = nullptr;
  std::span<const std::string_view> allow_list_;
  // the state
  std::uint64_t remaining_ = 0;  // of the chunk whose data we are in; while reading a size: the size so far
  std::uint64_t announced_ = 0;
  std::uint16_t extension_message_ = 0;
  std::uint16_t extension_chunk_ = 0;
  std::uint16_t trailer_bytes_ = 0;
  std::uint16_t kept_ = 0;        // bytes of trailer_space_ in use
  std::uint16_t line_start_ = 0;  // where the present trailer begins in trailer_space_
  std::uint16_t name_size_ = 0;
  std::uint8_t digits_ = 0;
  std::uint8_t trailer_count_ = 0;
  std::uint16_t http_status_ = 0;
  const char* reason_ = nullptr;
  Phase phase_ = Phase::size_first;
};

}  // namespace postern::wire
