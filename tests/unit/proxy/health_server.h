// A server for health checks, made of nghttp2 on a real port and driven by the test between turns of the loop: it
// records what it is asked and answers as the test says.
#pragma once

#include <fcntl.h>
#include <nghttp2/nghttp2.h>

#include <map>
#include <string>
#include <vector>

#include "net/socket_address.h"
#include "unit/net/loop_support.h"

namespace postern::test {

class HealthServer {
 public:
  /// What it answers a check with.
  struct Answer {
    std::string status = "200";
    std::string body;
    std::string grpc_status = "0";  // in trailers; in the head where there is no body; empty: none
    bool silent = false;
    bool drop = false;  // closes the connection instead
  };

  HealthServer() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const auto any = net::ip_address("127.0.0.1", 0);
    EXPECT_EQ(::bind(listener_, any->get(), any->size), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    nghttp2_session_callbacks_new(&callbacks_);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks_, [](nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t n,
                       const std::uint8_t* value, std::size_t v, std::uint8_t, void* self) {
          static_cast<HealthServer*>(self)->fields[std::string(reinterpret_cast<const char*>(name), n)] =
              std::string(reinterpret_cast<const char*>(value), v);
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks_, [](nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* data, std::size_t n,
                       void* self) {
          static_cast<HealthServer*>(self)->body.append(reinterpret_cast<const char*>(data), n);
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks_, &HealthServer::on_frame);
  }
  ~HealthServer() {
    close_connections();
    close_listener();
    nghttp2_session_callbacks_del(callbacks_);
  }
  HealthServer(const HealthServer&) = delete;
  HealthServer& operator=(const HealthServer&) = delete;

  [[nodiscard]] net::SocketAddress address() const { return net::local_of(listener_); }
  void close_listener() {
    if (listener_ >= 0) ::close(std::exchange(listener_, -1));
  }
  void close_connections() {
    for (Connection& connection : open_) end(connection);
    open_.clear();
  }

  /// Takes what has come and answers.
  void step() {
    const int fd = listener_ < 0 ? -1 : ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      ++connections;
      Connection& added = open_.emplace_back(Connection{fd, nullptr});
      nghttp2_session_server_new(&added.session, callbacks_, this);
      nghttp2_submit_settings(added.session, NGHTTP2_FLAG_NONE, nullptr, 0);
    }
    for (auto i = open_.begin(); i != open_.end();) {
      if (serve(*i)) {
        ++i;
        continue;
      }
      end(*i);
      i = open_.erase(i);
    }
  }

  Answer answer;
  std::map<std::string, std::string> fields;  // of the requests, the last of each name
  std::string body;                           // of all requests
  int checks = 0;
  int connections = 0;
  [[nodiscard]] std::size_t open() const { return open_.size(); }

 private:
  struct Connection {
    int fd;
    nghttp2_session* session;
  };

  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    HealthServer& self = *static_cast<HealthServer*>(user);
    const bool request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (!request || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    ++self.checks;
    if (self.answer.drop) return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (!self.answer.silent) self.reply(session, frame->hd.stream_id);
    return 0;
  }
  static nghttp2_nv nv(const std::string& name, const std::string& value) {
    const auto bytes = [](const std::string& text) {
      return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  }
  void reply(nghttp2_session* session, std::int32_t stream) {
    const std::string names[] = {":status", "content-type", "grpc-status"};
    const std::string type = "application/grpc";
    std::vector<nghttp2_nv> head{nv(names[0], answer.status), nv(names[1], type)};
    if (answer.body.empty()) {
      if (!answer.grpc_status.empty()) head.push_back(nv(names[2], answer.grpc_status));
      nghttp2_submit_response(session, stream, head.data(), head.size(), nullptr);
      return;
    }
    nghttp2_data_provider provider{};
    provider.read_callback = [](nghttp2_session* s, std::int32_t id, std::uint8_t* into, std::size_t room,
                                std::uint32_t* flags, nghttp2_data_source*, void* user) -> ssize_t {
      const Answer& what = static_cast<HealthServer*>(user)->answer;
      const std::size_t size = std::min(room, what.body.size());
      std::copy_n(what.body.data(), size, into);
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (what.grpc_status.empty()) return static_cast<ssize_t>(size);
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const std::string name = "grpc-status";
      const nghttp2_nv trailer = nv(name, what.grpc_status);
      nghttp2_submit_trailer(s, id, &trailer, 1);
      return static_cast<ssize_t>(size);
    };
    nghttp2_submit_response(session, stream, head.data(), head.size(), &provider);
  }
  static bool serve(Connection& connection) {
    char block[16384];
    const ssize_t got = ::recv(connection.fd, block, sizeof block, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return false;
    if (got > 0 && nghttp2_session_mem_recv(connection.session, reinterpret_cast<const std::uint8_t*>(block),
                                            static_cast<std::size_t>(got)) < 0)
      return false;
    const std::uint8_t* bytes = nullptr;
    for (ssize_t n; (n = nghttp2_session_mem_send(connection.session, &bytes)) > 0;) {
      if (::send(connection.fd, bytes, static_cast<std::size_t>(n), MSG_NOSIGNAL) != n) return false;
    }
    return true;
  }
  static void end(Connection& connection) {
    nghttp2_session_del(connection.session);
    ::close(connection.fd);
  }

  nghttp2_session_callbacks* callbacks_ = nullptr;
  int listener_ = -1;
  std::vector<Connection> open_;
};

}  // namespace postern::test
