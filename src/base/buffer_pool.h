// Fixed blocks for bytes in flight, one pool per core: leased while bytes move, given back when a connection idles.
// One core only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace postern {

class BufferPool;

/// A leased block; returns itself. Empty when default made.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      release();
      pool_ = std::exchange(other.pool_, nullptr);
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  ~Buffer() { release(); }

  void release() noexcept;
  explicit operator bool() const noexcept { return data_ != nullptr; }
  [[nodiscard]] char* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  friend class BufferPool;
  Buffer(BufferPool* pool, char* data, std::size_t size) noexcept : pool_(pool), data_(data), size_(size) {}
  BufferPool* pool_ = nullptr;
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

class BufferPool {
 public:
  static constexpr std::size_t kSmall = 16 * 1024;  // a request with its head
  static constexpr std::size_t kLarge = 64 * 1024;  // long bodies, and heads over 16 KiB

  BufferPool() = default;
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  Buffer small() { return lease(0); }
  Buffer large() { return lease(1); }
  [[nodiscard]] std::size_t leased() const noexcept { return leased_; }

 private:
  friend class Buffer;
  struct Free {
    Free* next;
  };
  static constexpr std::array<std::size_t, 2> kSizes{kSmall, kLarge};
  static constexpr std::array<std::size_t, 2> kMaxIdle{1024, 64};  // 16 and 4 MiB at the most

  Buffer lease(std::size_t kind);
  void give_back(char* data, std::size_t size) noexcept;

  std::array<Free*, 2> free_{};
  std::array<std::size_t, 2> idle_{};
  std::size_t leased_ = 0;
};

inline void Buffer::release() noexcept {
  if (data_) pool_->give_back(std::exchange(data_, nullptr), std::exchange(size_, 0));
}

}  // namespace postern
