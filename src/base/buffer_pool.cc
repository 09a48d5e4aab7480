#include "base/buffer_pool.h"

#include <new>

namespace postern {

BufferPool::~BufferPool() {
  for (Free* head : free_) {
    while (head) {
      Free* next = head->next;
      ::operator delete(head);
      head = next;
    }
  }
}

Buffer BufferPool::lease(std::size_t kind) {
  ++leased_;
  if (Free* f = free_[kind]) {
    free_[kind] = f->next;
    __builtin_prefetch(f->next, 1);  // cold by the time it is wanted, as in FramePool
    --idle_[kind];
    return Buffer(this, reinterpret_cast<char*>(f), kSizes[kind]);
  }
  return Buffer(this, static_cast<char*>(::operator new(kSizes[kind])), kSizes[kind]);
}

void BufferPool::give_back(char* data, std::size_t size) noexcept {
  --leased_;
  const std::size_t kind = size == kSmall ? 0 : 1;
  if (idle_[kind] >= kMaxIdle[kind]) {
    ::operator delete(data);
    return;
  }
  free_[kind] = new (data) Free{free_[kind]};
  ++idle_[kind];
}

}  // namespace postern
