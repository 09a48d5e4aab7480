// One HTTP/2 connection of either side: nghttp2 between a byte stream and H2Streams.
// Input is read and handed to nghttp2, whose callbacks only record; coroutines that wait on a stream wake behind the
// batch of events; everything that they want to send leaves in one write at its end. Servers and clients derive from
// it. One core only.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <span>

#include "metrics/kinds.h"
#include "net/signal.h"
#include "net/stream.h"
#include "wire/h2_glitches.h"
#include "wire/h2_memory.h"
#include "wire/h2_settings.h"
#include "wire/h2_stream.h"

namespace postern::wire {

using H2Event = metrics::H2Event;

class H2Session {
 public:
  enum class Role : std::uint8_t { server, client };

  H2Session(net::Stream& stream, Role role, const H2Settings& settings) noexcept;
  H2Session(const H2Session&) = delete;
  H2Session& operator=(const H2Session&) = delete;
  virtual ~H2Session();

  /// Makes the nghttp2 session and queues our SETTINGS. False: out of memory.
  bool start(std::span<const nghttp2_settings_entry> more = {});

  enum class Input : std::uint8_t {
    drained,  // all that was here has been handled: wait on the descriptor, for what wanted() says
    more,     // a fair share was handled, more may be here: come again soon
    ended,    // the peer closed, or broke the protocol beyond repair; what must still be said is queued
  };
  /// Reads and handles what is here.
  Input read_available() noexcept;
  [[nodiscard]] net::IoStatus wanted() const noexcept { return wanted_; }

  /// Everything queued leaves behind this batch of events.
  void schedule_write() noexcept { stream_.loop().defer_last(write_); }
  /// Writes now what can be written; the rest goes on by itself. Never from a callback of nghttp2.
  void write_now() noexcept;
  /// Output is waiting for the peer to read: new bytes had better wait as well.
  [[nodiscard]] bool is_congested() const noexcept { return writing_; }

  /// Nothing goes in or out any more; all streams are told (`why`). Idempotent.
  void fail(Error why) noexcept;
  [[nodiscard]] bool failed() const noexcept { return error_.code != Code::ok; }
  [[nodiscard]] const Error& error() const noexcept { return error_; }
  /// nghttp2 has nothing to say and expects nothing: GOAWAY both ways, or an error.
  [[nodiscard]] bool is_done() const noexcept;

  nghttp2_session* raw() noexcept { return session_; }
  net::Stream& stream() noexcept { return stream_; }
  /// A head has begun and is not complete.
  [[nodiscard]] bool in_head() const noexcept { return in_head_; }
  net::Loop& loop() noexcept { return stream_.loop(); }
  FramePool& frames() noexcept { return stream_.frames(); }
  [[nodiscard]] Side side() const noexcept { return role_ == Role::server ? Side::downstream : Side::upstream; }
  const H2Settings& settings() const noexcept { return settings_; }
  /// Streams that nghttp2 has open and that belong to somebody here.
  [[nodiscard]] std::size_t open_streams() const noexcept { return open_; }

  void tell_drain() noexcept;
  /// nghttp2 calls `stream` from now on for this number.
  void attach(H2Stream& stream, std::int32_t id) noexcept;
  /// `stream` is not to be called any more: what still comes for it is thrown away.
  void let_go(H2Stream& stream) noexcept;
  /// The same, and resets it, unless it is closed.
  void detach(H2Stream& stream, std::uint32_t reset_code) noexcept;
  void reset(H2Stream& stream, std::uint32_t code) noexcept;
  /// `bytes` of DATA of the stream have gone on: their window may be used again.
  void give_back(std::int32_t stream, std::size_t bytes) noexcept;
  /// The largest DATA frame that the block of output has room for; 0: it must be sent first.
  [[nodiscard]] std::size_t frame_room() const noexcept { return room() < kMinRoom ? 0 : room() - kFrameHeader; }
  /// What may be sent on that stream now, by its window and the connection's.
  [[nodiscard]] std::size_t send_window(std::int32_t stream) const noexcept;

  /// The peer did something that honest peers seldom do. May begin the connection's end.
  void glitch(H2Event event, std::uint32_t weight = H2Glitches::kWhole) noexcept;
  /// GOAWAY with NO_ERROR: at first for streams from 2^31-1 on, then, called again, for those that were not begun.
  void announce_end() noexcept;
  void end_now(std::uint32_t code) noexcept;

 protected:
  // From nghttp2's callbacks: record only.
  /// A head begins on a new stream (servers) or for one of ours (clients: never called). nullptr: refuse it.
  virtual H2Stream* on_new_stream(std::int32_t id) noexcept = 0;
  virtual void on_settings() noexcept {}
  virtual void on_ping_ack() noexcept {}
  virtual void on_goaway(std::int32_t last_stream, std::uint32_t code) noexcept = 0;
  virtual void on_event(H2Event event) noexcept = 0;
  /// fail() has run: no stream is attached any more. May be called from anywhere but nghttp2's callbacks.
  virtual void on_failed() noexcept = 0;
  /// A coroutine of its own that finishes writing, write_on() and whatever keeps the session alive meanwhile; and who
  /// runs it.
  virtual Task<void> write_blocked() = 0;
  virtual TaskGroup& writers() noexcept { return loop().background(); }
  /// For write_blocked(): writes until nothing is left, or the peer has taken nothing for too long.
  Task<void> write_on();

 private:
  friend struct H2Callbacks;
  static constexpr std::size_t kFrameHeader = 9;
  /// Below this much room the block of output is sent first: frames should not be crumbs.
  static constexpr std::size_t kMinRoom = 1024;
  bool feed(std::string_view bytes) noexcept;
  void drain_into_buffer() noexcept;
  net::IoStatus send_buffer() noexcept;
  bool write_some() noexcept;
  void unlink(H2Stream& stream) noexcept;
  void close_stream(H2Stream& stream, std::uint32_t code, Code why) noexcept;
  void kill(H2Event event) noexcept;
  [[nodiscard]] std::size_t room() const noexcept { return out_.size() - out_end_; }

  net::Stream& stream_;
  const Role role_;
  const H2Settings& settings_;
  H2Memory memory_;
  nghttp2_session* session_ = nullptr;
  net::Deferred write_;
  Buffer out_;
  std::size_t out_begin_ = 0;
  std::size_t out_end_ = 0;
  std::string_view pending_;  // of nghttp2's, valid until its next frame
  net::IoStatus wanted_ = net::IoStatus::want_read;
  net::IoStatus blocked_on_ = net::IoStatus::want_write;
  H2Glitches glitches_;
  Error error_{Code::ok};
  std::size_t open_ = 0;
  H2Stream* first_ = nullptr;
  // The head that is coming in
  H2Stream* current_ = nullptr;  // nullptr: nobody's, or refused
  std::uint64_t header_bytes_ = 0;
  std::uint32_t header_fields_ = 0;
  bool too_large_ = false;
  bool in_head_ = false;
  std::int32_t newest_stream_ = 0;  // servers: the highest number that the client has used
  // Counts for telling floods from traffic
  std::uint32_t own_resets_ = 0;       // queued by us: not the peer's doing
  std::uint64_t update_credits_ = 64;  // WINDOW_UPDATEs that what we sent explains
  std::uint32_t settings_seen_ = 0;
  bool writing_ = false;  // a coroutine waits for the peer to read
  bool killed_ = false;
  bool warned_ = false;
};

}  // namespace postern::wire
