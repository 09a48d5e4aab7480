#include "audit/line_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace postern::audit {

LineReader::LineReader(const std::string& path, std::size_t longest)
    : longest_(longest), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)), buffer_(4 * longest, '\0') {
  if (fd_ < 0) error_ = std::strerror(errno);
}

LineReader::~LineReader() {
  if (fd_ >= 0) ::close(fd_);
}

// Behind what is left; the buffer holds several of the longest lines.
bool LineReader::fill() {
  if (fd_ < 0) return false;
  std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
  end_ -= at_;
  at_ = 0;
  for (;;) {
    const ssize_t n = ::read(fd_, buffer_.data() + end_, buffer_.size() - end_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) error_ = std::strerror(errno);
    if (n <= 0) return false;
    end_ += static_cast<std::size_t>(n);
    return true;
  }
}

bool LineReader::next(std::string_view& line) {
  for (;;) {
    const std::string_view there(buffer_.data() + at_, end_ - at_);
    const std::size_t length = there.find('\n');
    if (length != std::string_view::npos) {
      line = there.substr(0, std::min(length, longest_));
      at_ += length + 1;
      ++number_;
      return true;
    }
    if (there.size() > longest_ && end_ == buffer_.size()) {  // too long: its beginning is kept, the rest is skipped
      std::memmove(buffer_.data(), there.data(), longest_);
      at_ = 0;
      end_ = longest_;
    }
    if (fill()) continue;
    if (at_ == end_ || !error_.empty()) return false;
    line = std::string_view(buffer_.data() + at_, std::min(end_ - at_, longest_));
    at_ = end_;
    is_torn_ = true;
    ++number_;
    return true;
  }
}

}  // namespace postern::audit
