// A WebSocket after its 101: two pumps, one clock, and an end that both sides hear of. Knows which wires it joins as
// little as the forwarder does. Lives in Forwarder::relay_tunnel()'s frame. One core only.
//
// Bytes pass as they are. Only when postern itself ends the tunnel (drain, idle timeout) it says a word of its own: a
// Close to each side, between two frames.
#pragma once

#include <array>

#include "base/task_group.h"
#include "net/signal.h"
#include "postern/exchange.h"
#include "wire/ws_frames.h"

namespace postern::proxy {

class Tunnel {
 public:
  /// How long one direction goes on when the other has ended, and how long a Close may wait for its answer.
  static constexpr std::int64_t kGraceMs = 5'000;

  /// Both are past their 101. `idle_timeout_ms`: neither side says anything for so long; 0: for ever.
  Tunnel(net::Loop& loop, Exchange& client, UpstreamExchange& upstream, std::int64_t idle_timeout_ms,
         std::int64_t grace_ms = kGraceMs) noexcept;
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  /// Until both directions are over. Code::ok: the two sides ended it. Side::self: we did, for having been idle
  /// (timeout) or for the server's end (cancelled). Otherwise that side broke.
  Task<Error> run();
  FramePool& frames() noexcept { return relays_.frames(); }

  /// Comes to an end soon; any time, also before run().
  void drain() noexcept;
  /// Ends now: one side is broken.
  void fail(Error why) noexcept;

 private:
  struct Direction {
    Direction(BodySource& from, BodySink& to, wire::WsFrames::Sender who) noexcept
        : source(from), sink(to), frames(who), sender(who) {}

    BodySource& source;
    BodySink& sink;
    wire::WsFrames frames;
    const wire::WsFrames::Sender sender;
    std::array<char, wire::kWsCloseMax> close;  // the sink may borrow it
    bool flushing = false;                      // the sink is in flush(): nobody else may touch it
    bool muted = false;                         // our Close went out in its place: what still comes is dropped
    bool finished = false;                      // the sink has its end: what still comes is dropped
    bool ended = false;
  };

  Task<void> relay(Direction& way);
  Task<Result<void>> move(Direction& way);
  Task<Result<void>> flush(Direction& way);
  bool pass(Direction& way, std::string_view data) noexcept;
  bool put_close(Direction& way) noexcept;
  void look() noexcept;
  void begin_closing(Code why) noexcept;
  void part() noexcept;
  void end() noexcept;
  static void end_quietly(Direction& way) noexcept;
  [[nodiscard]] std::int64_t delay() const noexcept;

  Exchange& client_;
  UpstreamExchange& upstream_;
  TaskGroup relays_;
  net::Signal wake_;
  Direction to_upstream_;
  Direction to_client_;
  const std::int64_t idle_timeout_ms_;
  const std::int64_t grace_ms_;
  std::int64_t last_activity_ms_ = 0;
  std::int64_t deadline_ms_ = 0;  // when the end is no longer waited for; 0: no end in sight
  Error result_{Code::ok};
  bool draining_ = false;
  bool closing_ = false;
  bool over_ = false;  // whatever still waits is being woken to leave
};

}  // namespace postern::proxy
