// An HTTP/2 origin (prior knowledge) on a thread of its own: answers every request alike, in nghttp2's own words.
#pragma once

#include <nghttp2/nghttp2.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstring>

#include "unit/server/core_support.h"

namespace postern::test {

class H2TestOrigin {
 public:
  explicit H2TestOrigin(std::string body) : body_(std::move(body)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto any = net::ip_address("127.0.0.1", 0);
    if (::bind(listener_, any->get(), any->size) != 0 || ::listen(listener_, 64) != 0 || ::pipe(stop_) != 0)
      throw std::runtime_error("origin");
    nghttp2_session_callbacks_new(&callbacks_);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks_, &H2TestOrigin::on_frame);
    thread_ = std::thread([this] { run(); });
  }
  ~H2TestOrigin() {
    ::close(stop_[1]);
    thread_.join();
    ::close(stop_[0]);
    ::close(listener_);
    nghttp2_session_callbacks_del(callbacks_);
  }
  H2TestOrigin(const H2TestOrigin&) = delete;
  H2TestOrigin& operator=(const H2TestOrigin&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_of(listener_); }

 private:
  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
    const bool request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (!request || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    char status[] = ":status";
    char ok[] = "200";
    char type[] = "content-type";
    char json[] = "application/json";
    char length[] = "content-length";
    std::string size = std::to_string(static_cast<H2TestOrigin*>(self)->body_.size());
    const auto nv = [](char* name, char* value) {
      return nghttp2_nv{reinterpret_cast<std::uint8_t*>(name), reinterpret_cast<std::uint8_t*>(value),
                        std::strlen(name), std::strlen(value), NGHTTP2_NV_FLAG_NONE};
    };
    const nghttp2_nv fields[] = {nv(status, ok), nv(type, json), nv(length, size.data())};
    nghttp2_data_provider body{};
    body.source.ptr = new std::size_t(0);  // how much has gone
    body.read_callback = &H2TestOrigin::on_read;
    nghttp2_submit_response(session, frame->hd.stream_id, fields, 3, &body);
    return 0;
  }
  static ssize_t on_read(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t room, std::uint32_t* flags,
                         nghttp2_data_source* source, void* self) {
    const std::string& body = static_cast<H2TestOrigin*>(self)->body_;
    auto* const gone = static_cast<std::size_t*>(source->ptr);
    const std::size_t size = std::min(room, body.size() - *gone);
    std::memcpy(into, body.data() + *gone, size);
    *gone += size;
    if (*gone == body.size()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      delete gone;
    }
    return static_cast<ssize_t>(size);
  }
  void run() {
    std::map<int, nghttp2_session*> open;
    for (bool running = true; running;) {
      std::vector<pollfd> set{{stop_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
      for (const auto& [fd, session] : open) set.push_back({fd, POLLIN, 0});
      ::poll(set.data(), set.size(), -1);
      running = set[0].revents == 0;
      if (set[1].revents) begin(open);
      for (std::size_t i = 2; i < set.size(); ++i) {
        if (!set[i].revents || serve(set[i].fd, open[set[i].fd])) continue;
        nghttp2_session_del(open[set[i].fd]);
        ::close(set[i].fd);
        open.erase(set[i].fd);
      }
    }
    for (const auto& [fd, session] : open) {
      nghttp2_session_del(session);
      ::close(fd);
    }
  }
  void begin(std::map<int, nghttp2_session*>& open) {
    nghttp2_session* session = nullptr;
    nghttp2_session_server_new(&session, callbacks_, this);
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0);
    const int fd = ::accept(listener_, nullptr, nullptr);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    open[fd] = session;
  }
  static bool serve(int fd, nghttp2_session* session) {
    const std::string bytes = receive(fd);
    if (bytes.empty()) return false;
    if (nghttp2_session_mem_recv(session, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) < 0)
      return false;
    const std::uint8_t* out = nullptr;
    for (ssize_t n; (n = nghttp2_session_mem_send(session, &out)) > 0;) {
      for (ssize_t sent = 0; sent < n;) {
        const ssize_t part = ::send(fd, out + sent, static_cast<std::size_t>(n - sent), MSG_NOSIGNAL);
        if (part <= 0) return false;
        sent += part;
      }
    }
    return true;
  }

  const std::string body_;
  nghttp2_session_callbacks* callbacks_ = nullptr;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  std::thread thread_;
};

}  // namespace postern::test
