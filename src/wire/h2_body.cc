#include "wire/h2_body.h"

#include <algorithm>
#include <cstring>

#include "wire/h2_session.h"

namespace postern::wire {

const http::Fields H2Body::kNone;

void H2Body::start(H2Session& session, std::int32_t stream, Side side, std::int64_t read_timeout_ms) noexcept {
  session_ = &session;
  stream_ = stream;
  side_ = side;
  read_timeout_ms_ = read_timeout_ms;
  blocks_.clear();
  unread_ = received_ = taken_ = returned_ = limit_ = 0;
  trailers_ = nullptr;
  error_ = Error{Code::ok};
  ended_ = too_large_ = stopped_ = gave_up_ = false;
  hook_ = nullptr;
}

void H2Body::limit(std::uint64_t bytes) noexcept {
  limit_ = bytes;
  if (bytes == 0 || received_ <= bytes || error_.code != Code::ok) return;
  too_large_ = true;
  ended_ = false;  // whole or not: nobody is to read it
  fail(Error{Code::too_large, side_, Retry::never});
  give_back(received_ - returned_);
  returned_ = taken_ = received_;
  unread_ = 0;
  blocks_.clear();
}

std::string_view H2Body::peek() noexcept {
  drop_read_blocks();
  if (blocks_.empty()) return {};
  const Block& block = blocks_.front();
  return {block.buffer.data() + block.begin, block.end - block.begin};
}

void H2Body::consume(std::size_t bytes) noexcept {
  if (bytes == 0) return;  // nothing may be here
  blocks_.front().begin += bytes;
  unread_ -= bytes;
  taken_ += bytes;
  if (taken_ <= returned_) return;  // once more, after a rewind
  give_back(taken_ - returned_);
  returned_ = taken_;
}

void H2Body::give_back(std::uint64_t bytes) noexcept {
  if (session_ && bytes > 0) session_->give_back(stream_, static_cast<std::size_t>(bytes));
}

// The last block stays although it was read: it has room for more, and a retry may want it again.
void H2Body::drop_read_blocks() noexcept {
  while (blocks_.size() > 1 && blocks_.front().begin == blocks_.front().end) {
    blocks_.erase(blocks_.begin());
    gave_up_ = true;
  }
}

void H2Body::make_room() {
  if (!blocks_.empty() && blocks_.back().end < blocks_.back().buffer.size()) return;
  BufferPool& pool = loop_.buffers();
  blocks_.push_back(Block{blocks_.empty() ? pool.small() : pool.large()});
}

void H2Body::append(std::string_view data) noexcept {
  received_ += data.size();
  if (limit_ != 0 && received_ > limit_ && error_.code == Code::ok) {
    too_large_ = true;
    fail(Error{Code::too_large, side_, Retry::never});
  }
  if (error_.code != Code::ok) {  // nobody will read it
    give_back(data.size());
    taken_ += data.size();
    returned_ += data.size();
    return;
  }
  unread_ += data.size();
  while (!data.empty()) {
    make_room();
    Block& block = blocks_.back();
    const std::size_t part = std::min(data.size(), block.buffer.size() - block.end);
    std::memcpy(block.buffer.data() + block.end, data.data(), part);
    block.end += part;
    data.remove_prefix(part);
  }
  news_.notify();
}

void H2Body::add_trailer(std::string_view name, std::string_view value) noexcept {
  if (!trailers_) {
    if (!trailers_space_) trailers_space_ = std::make_unique<Trailers>();
    trailers_space_->fields.clear();
    trailers_space_->texts.clear();
    trailers_ = &trailers_space_->fields;
  }
  BufferPool& pool = loop_.buffers();
  const std::string_view kept_name = trailers_space_->texts.keep(pool, name);
  const std::string_view kept_value = trailers_space_->texts.keep(pool, value);
  if (kept_name.data() && kept_value.data()) trailers_->add(kept_name, kept_value);
}

void H2Body::end() noexcept {
  ended_ = true;
  news_.notify();
}

void H2Body::fail(Error why) noexcept {
  if (ended_ || error_.code != Code::ok) return;
  error_ = why;
  news_.notify();
}

void H2Body::stop(Error why) noexcept {
  if (error_.code == Code::ok) error_ = why;
  stopped_ = true;
  news_.notify();
}

Task<Result<void>> H2Body::fill() {
  for (;;) {
    if (stopped_) co_return error_;
    if (unread_ > 0 || ended_) co_return Result<void>();
    if (error_.code != Code::ok) co_return error_;
    if (hook_) std::exchange(hook_, nullptr)(hook_owner_);
    const net::Waited waited = co_await news_.wait(read_timeout_ms_);
    if (waited == net::Waited::timeout && unread_ == 0 && !ended_ && error_.code == Code::ok) {
      error_ = Error{Code::timeout, side_, Retry::never};
      co_return error_;
    }
  }
}

bool H2Body::rewind() noexcept {
  if (gave_up_ || error_.code != Code::ok) return false;
  for (Block& block : blocks_) {
    unread_ += block.begin;
    block.begin = 0;
  }
  taken_ = 0;
  return true;
}

void H2Body::release() noexcept {
  give_back(received_ - returned_);
  returned_ = received_;
  unread_ = 0;
  ended_ = true;
  blocks_.clear();
  session_ = nullptr;
  trailers_ = nullptr;
  if (trailers_space_) trailers_space_->texts.clear();
}

}  // namespace postern::wire
