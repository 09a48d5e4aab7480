// Lines into stdout, stderr, a FIFO or a device: whatever is no regular file and may have a slow reader.
// The writer's thread; made on the control thread.
#pragma once

#include <string>

#include "accesslog/line_sink.h"

namespace postern::accesslog {

class StreamSink final : public LineSink {
 public:
  /// `path`: empty when `fd` is not ours to close and to open again (stdout, stderr).
  StreamSink(int fd, std::string path) noexcept;
  ~StreamSink() override;

  Outcome write(std::string_view& lines) noexcept override;
  void wait(std::chrono::milliseconds at_most) noexcept override;
  void reopen() override;

 private:
  int fd_;
  const std::string path_;
  bool is_regular_;             // stdout may be a file: large writes
  bool ends_mid_line_ = false;  // what has been written
  bool is_mid_line_ = false;    // and the rest of that line was given up
};

}  // namespace postern::accesslog
