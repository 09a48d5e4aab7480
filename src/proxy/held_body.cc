#include "proxy/held_body.h"

#include <cstring>

namespace postern::proxy {

void HeldBody::consume(std::size_t bytes) noexcept {
  if (next_ < held_) {
    next_ += bytes;
    return;
  }
  if (!lost_ && bytes <= block_.size() - held_) {
    std::memcpy(block_.data() + held_, source_.peek().data(), bytes);
    held_ += bytes;
    next_ = held_;
  } else if (bytes != 0) {
    lost_ = true;  // what the sink has borrowed of the block stays until this goes
  }
  source_.consume(bytes);
}

}  // namespace postern::proxy
