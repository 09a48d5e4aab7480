// The lines of a file of any size, in bounded memory. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::audit {

class LineReader {
 public:
  /// A line longer than `longest` is cut to that length.
  LineReader(const std::string& path, std::size_t longest);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// Why the file could not be opened or read; empty: it could.
  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  /// The next line without its end; false: there is none. Good until the next call.
  bool next(std::string_view& line);
  /// From 1.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// The line that next() gave had no end: it is the last.
  [[nodiscard]] bool is_torn() const noexcept { return is_torn_; }

 private:
  bool fill();

  const std::size_t longest_;
  int fd_;
  std::string buffer_;
  std::size_t at_ = 0, end_ = 0;
  std::uint64_t number_ = 0;
  bool is_torn_ = false;
  std::string error_;
};

}  // namespace postern::audit
