#include "net/wake.h"

#include <atomic>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/post.hpp>
#include <cstddef>
#include <cstdlib>

namespace postern::net {
namespace {

constexpr std::size_t kRoom = 256;  // a handler of the loop's queue, as it comes with Asio, takes some 50

}  // namespace

// A handler is under way at most once, so that its memory can be part of the block.
struct Wake::Block {
  Block(Run r, void* o) noexcept : run(r), owner(o) {}

  void release() noexcept {
    if (holders.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  std::atomic<bool> is_pending{false};
  std::atomic<unsigned> holders{1};  // the Wake, and a handler in the loop's queue
  const Run run;
  void* owner;  // nullptr: the Wake is gone
  alignas(std::max_align_t) std::byte memory[kRoom];
};

/// What the loop's queue takes memory from for our handler.
class Wake::Memory {
 public:
  template <class T>
  struct Allocator {
    using value_type = T;
    explicit Allocator(Block* b) noexcept : block(b) {}
    template <class U>
    explicit Allocator(const Allocator<U>& other) noexcept : block(other.block) {}
    T* allocate(std::size_t n) const noexcept {
      static_assert(sizeof(T) <= kRoom);
      static_assert(alignof(T) <= alignof(std::max_align_t));
      if (n != 1) std::abort();
      block->holders.fetch_add(1, std::memory_order_relaxed);
      return reinterpret_cast<T*>(block->memory);
    }
    void deallocate(T*, std::size_t) const noexcept { block->release(); }
    friend bool operator==(const Allocator& a, const Allocator& b) noexcept { return a.block == b.block; }
    Block* block;
  };

  struct Handler {
    using allocator_type = Allocator<void>;
    [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(block); }
    void operator()() const noexcept {
      block->is_pending.store(false, std::memory_order_seq_cst);  // before the look: what comes later rings again
      if (block->owner) block->run(block->owner);
    }
    Block* block;
  };
};

Wake::Wake(Loop& loop, Run run, void* owner) : loop_(loop), block_(new Block(run, owner)) {}

Wake::~Wake() {
  block_->owner = nullptr;
  block_->release();
}

void Wake::ring() noexcept {
  if (block_->is_pending.exchange(true, std::memory_order_seq_cst)) return;
  boost::asio::post(loop_.io(), Memory::Handler{block_});
}

}  // namespace postern::net
