// Keeps objects of one type ready for the next user: they are constructed once and reset by whoever takes them.
// One core only.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace postern {

template <class T>
class ObjectPool {
 public:
  static constexpr std::size_t kMaxIdle = 512;

  struct Return {
    ObjectPool* pool = nullptr;
    void operator()(T* object) const noexcept { pool->give_back(object); }
  };
  using Pointer = std::unique_ptr<T, Return>;

  ObjectPool() { idle_.reserve(kMaxIdle); }
  ObjectPool(const ObjectPool&) = delete;
  ObjectPool& operator=(const ObjectPool&) = delete;

  template <class... Args>
  Pointer take(Args&&... args) {
    if (!idle_.empty()) {
      T* object = idle_.back().release();
      idle_.pop_back();
      if (!idle_.empty()) __builtin_prefetch(idle_.back().get(), 1);
      return Pointer(object, Return{this});
    }
    return Pointer(new T(std::forward<Args>(args)...), Return{this});
  }

 private:
  void give_back(T* object) noexcept {
    if (idle_.size() < kMaxIdle) {
      idle_.emplace_back(object);
    } else {
      delete object;
    }
  }
  std::vector<std::unique_ptr<T>> idle_;
};

}  // namespace postern
