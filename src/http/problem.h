// Bodies of the errors that postern makes itself: RFC 9457 problem+json, or a small HTML page for people.
// The pipeline calls it when a step answers with an error, on the request's core. No allocation; nothing of the inside
// gets out: a status, its title, one static sentence and the request id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace postern::http {

struct Problem {
  std::uint16_t status = 500;
  std::string_view title{};       // the reason phrase where empty
  std::string_view detail{};      // static text; left out where empty
  std::string_view request_id{};  // left out where empty
};

inline constexpr std::string_view kProblemJsonType = "application/problem+json";
inline constexpr std::string_view kProblemHtmlType = "text/html; charset=utf-8";
inline constexpr std::size_t kProblemBodyMax = 4096;

/// Writes the body into `out` (kProblemBodyMax always suffices: longer texts are clipped) and returns it.
std::string_view write_problem_json(std::span<char> out, const Problem& problem) noexcept;
std::string_view write_problem_html(std::span<char> out, const Problem& problem) noexcept;

/// True where an Accept value ranks HTML above JSON: browsers yes; "*/*", nothing, or a tie no.
/// Several Accept lines: ask with each and take the first true.
bool prefers_html(std::string_view accept) noexcept;

}  // namespace postern::http
