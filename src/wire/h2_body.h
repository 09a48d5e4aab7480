// The receiving half of an HTTP/2 stream: DATA that has come and was not yet taken, then the trailers.
// Flow control is the memory bound: window goes back to the peer only when bytes have gone on, so a stream holds at
// most its window. Both sides own one per stream. One core only.
#pragma once

#include <memory>
#include <vector>

#include "base/buffer_pool.h"
#include "net/signal.h"
#include "postern/exchange.h"
#include "wire/h2_arena.h"

namespace postern::wire {

class H2Session;

class H2Body final : public BodySource {
 public:
  explicit H2Body(net::Loop& loop) : loop_(loop), news_(loop) { blocks_.reserve(kReserved); }

  /// Starts over for a stream. `length` is what a content-length promised; nghttp2 holds the peer to it.
  void start(H2Session& session, std::int32_t stream, Side side, std::int64_t read_timeout_ms) noexcept;
  /// Called once, when somebody first waits for bytes that have not come: the moment for "100 Continue".
  using BeforeWait = void (*)(void* owner) noexcept;
  void before_wait(BeforeWait hook, void* owner) noexcept {
    hook_ = hook;
    hook_owner_ = owner;
  }
  /// Counts what has come already, too: DATA may be here before anybody knows the route.
  void limit(std::uint64_t bytes) noexcept;
  void set_read_timeout(std::int64_t ms) noexcept { read_timeout_ms_ = ms; }

  // BodySource
  FramePool& frames() noexcept override { return loop_.frames(); }
  std::string_view peek() noexcept override;
  void consume(std::size_t bytes) noexcept override;
  [[nodiscard]] bool at_end() const noexcept override { return ended_ && unread_ == 0; }
  Task<Result<void>> fill() override;
  [[nodiscard]] const http::Fields& trailers() const noexcept override { return trailers_ ? *trailers_ : kNone; }
  [[nodiscard]] std::uint64_t received() const noexcept override { return received_; }

  // The session, from its callbacks
  void append(std::string_view data) noexcept;
  void add_trailer(std::string_view name, std::string_view value) noexcept;
  void end() noexcept;
  /// The stream broke before its end; what has arrived may still be read.
  void fail(Error why) noexcept;

  /// From the beginning again, where nothing was given up yet.
  bool rewind() noexcept;
  /// A waiting fill() ends with that error, later ones as well. (Cancelling is not the peer's doing.)
  void stop(Error why) noexcept;
  [[nodiscard]] bool too_large() const noexcept { return too_large_; }
  /// No DATA and no trailers will come any more.
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  /// Woken when anything has come: for those that wait for more than bodies (a client for its answer's head).
  net::Signal& news() noexcept { return news_; }
  [[nodiscard]] const Error& error() const noexcept { return error_; }
  [[nodiscard]] std::int64_t read_timeout_ms() const noexcept { return read_timeout_ms_; }
  /// Gives back what was not read (to the connection's window as well) and all memory.
  void release() noexcept;

 private:
  struct Trailers {
    http::Fields fields;
    H2Arena texts;
  };
  struct Block {
    Buffer buffer;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  static constexpr std::size_t kReserved = 8;  // 16 KiB and then 64 KiB each: more than the default window
  static const http::Fields kNone;

  void make_room();
  void drop_read_blocks() noexcept;
  void give_back(std::uint64_t bytes) noexcept;

  net::Loop& loop_;
  net::Signal news_;
  H2Session* session_ = nullptr;
  std::int32_t stream_ = 0;
  Side side_ = Side::downstream;
  std::vector<Block> blocks_;  // oldest first
  std::uint64_t unread_ = 0;
  std::uint64_t received_ = 0;  // all DATA that has come
  std::uint64_t taken_ = 0;
  std::uint64_t returned_ = 0;  // to the windows
  std::uint64_t limit_ = 0;     // 0: none
  std::int64_t read_timeout_ms_ = 0;
  std::unique_ptr<Trailers> trailers_space_;
  http::Fields* trailers_ = nullptr;
  Error error_{Code::ok};
  bool ended_ = true;
  bool too_large_ = false;
  bool stopped_ = false;
  bool gave_up_ = false;  // a block that was read is gone: no way back
  BeforeWait hook_ = nullptr;
  void* hook_owner_ = nullptr;
};

}  // namespace postern::wire
