#include "wire/h2_memory.h"

#include <algorithm>
#include <cstring>

namespace postern::wire {

namespace {
/// In front of each block: its size, which nghttp2 does not tell when it gives the block back.
constexpr std::size_t kHeader = alignof(std::max_align_t);
}  // namespace

H2Memory::H2Memory(FramePool& pool) noexcept : pool_(pool) {
  functions_.mem_user_data = this;
  functions_.malloc = [](std::size_t size, void* self) { return static_cast<H2Memory*>(self)->allocate(size); };
  functions_.free = [](void* block, void* self) { static_cast<H2Memory*>(self)->release(block); };
  functions_.calloc = [](std::size_t count, std::size_t size, void* self) {
    void* const block = static_cast<H2Memory*>(self)->allocate(count * size);  // small numbers of its own structs
    return block ? std::memset(block, 0, count * size) : nullptr;
  };
  functions_.realloc = [](void* block, std::size_t size, void* self) {
    return static_cast<H2Memory*>(self)->reallocate(block, size);
  };
}

void* H2Memory::allocate(std::size_t size) noexcept {
  char* const block = static_cast<char*>(pool_.allocate(size + kHeader));
  std::memcpy(block, &size, sizeof size);
  held_ += size;
  return block + kHeader;
}

void H2Memory::release(void* block) noexcept {
  if (!block) return;
  char* const start = static_cast<char*>(block) - kHeader;
  std::size_t size = 0;
  std::memcpy(&size, start, sizeof size);
  held_ -= size;
  pool_.deallocate(start, size + kHeader);
}

void* H2Memory::reallocate(void* block, std::size_t size) noexcept {
  if (!block) return allocate(size);
  std::size_t before = 0;
  std::memcpy(&before, static_cast<char*>(block) - kHeader, sizeof before);
  void* const larger = allocate(size);
  std::memcpy(larger, block, std::min(before, size));
  release(block);
  return larger;
}

}  // namespace postern::wire
