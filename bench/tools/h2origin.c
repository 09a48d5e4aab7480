/* A gRPC origin for bench/run on libnghttp2: cleartext HTTP/2 with prior knowledge. usage: h2origin --port P
 * Whatever the request is, once it has ended the answer is HEADERS (200, application/grpc), DATA (one message of 32
 * bytes behind its 5 bytes of prefix) and the trailers (grpc-status 0). One thread, one epoll; all answers to one read
 * leave in one write. 127.0.0.1 only; it trusts its client, so it must never stand at a front. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kIn = 65536, kOut = 65536, kEvents = 256, kWindow = 1 << 20, kMessage = 37 };

struct Conn {
  int fd;
  nghttp2_session* session;
  bool waits_for_write;
  size_t out_begin, out_end;
  uint8_t out[kOut];
};

static const uint8_t kBody[kMessage + 1] =
    "\0\0\0\0\x20"
    "\x0a\x1ehello, this is a small message"; /* a string field */
static int poller = -1;

#define FIELD(name, value)                                                    \
  {                                                                           \
    (uint8_t*)(name), (uint8_t*)(value), sizeof(name) - 1, sizeof(value) - 1, \
        NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE          \
  }
static const nghttp2_nv kHead[] = {FIELD(":status", "200"), FIELD("content-type", "application/grpc")};
static const nghttp2_nv kTrailers[] = {FIELD("grpc-status", "0"), FIELD("grpc-message", "")};

static void die(const char* what) {
  perror(what);
  exit(1);
}

static ssize_t read_body(nghttp2_session* session, int32_t stream, uint8_t* into, size_t room, uint32_t* flags,
                         nghttp2_data_source* source, void* user) {
  (void)source, (void)user;
  if (room < kMessage) return NGHTTP2_ERR_CALLBACK_FAILURE; /* a window that small is no part of the bench */
  memcpy(into, kBody, kMessage);
  *flags = NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
  nghttp2_submit_trailer(session, stream, kTrailers, sizeof kTrailers / sizeof kTrailers[0]);
  return kMessage;
}

static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  (void)user;
  bool request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (!request || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
  nghttp2_data_provider body = {.read_callback = read_body};
  nghttp2_submit_response(session, frame->hd.stream_id, kHead, sizeof kHead / sizeof kHead[0], &body);
  return 0;
}

static void drop(struct Conn* c) {
  nghttp2_session_del(c->session);
  close(c->fd);
  free(c);
}

static bool wait_for(struct Conn* c, bool write) {
  if (c->waits_for_write == write) return true;
  c->waits_for_write = write; /* no reads meanwhile: backpressure */
  struct epoll_event event = {.events = write ? EPOLLOUT : EPOLLIN, .data.ptr = c};
  return epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event) == 0;
}

/* Sends all that the session has, gathered. False when the connection is over. */
static bool flush(struct Conn* c) {
  for (bool more = true; more;) {
    more = false;
    const uint8_t* bytes = NULL;
    ssize_t size = 0;
    while ((size_t)kOut - c->out_end > 32768 && (size = nghttp2_session_mem_send(c->session, &bytes)) > 0) {
      memcpy(c->out + c->out_end, bytes, (size_t)size); /* one frame at a time, and none is larger than 16 KB + 9 */
      c->out_end += (size_t)size;
    }
    if (size < 0) return false;
    if (c->out_begin == c->out_end) break;
    more = size > 0;
    ssize_t sent = send(c->fd, c->out + c->out_begin, c->out_end - c->out_begin, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent > 0) c->out_begin += (size_t)sent;
    if (c->out_begin < c->out_end) return wait_for(c, true);
    c->out_begin = c->out_end = 0;
  }
  if (!nghttp2_session_want_read(c->session) && !nghttp2_session_want_write(c->session)) return false;
  return wait_for(c, false);
}

static bool serve(struct Conn* c) {
  static uint8_t in[kIn];
  if (c->waits_for_write) return flush(c);
  ssize_t got = recv(c->fd, in, sizeof in, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0 || nghttp2_session_mem_recv(c->session, in, (size_t)got) < 0) return false;
  return flush(c);
}

static void welcome(int listener, const nghttp2_session_callbacks* callbacks) {
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1024},
                                             {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow}};
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct Conn* c = calloc(1, sizeof *c);
    if (c == NULL || nghttp2_session_server_new(&c->session, callbacks, c) != 0) die("calloc");
    c->fd = fd;
    nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, sizeof settings / sizeof settings[0]);
    nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, 16 * kWindow);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
    if (!flush(c)) drop(c);
  }
}

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  if (fd < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  address.sin_port = htons((uint16_t)port);
  if (bind(fd, (const struct sockaddr*)&address, sizeof address) != 0) die("bind");
  if (listen(fd, 4096) != 0) die("listen");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
  return fd;
}

int main(int argc, char** argv) {
  int port = argc == 3 && strcmp(argv[1], "--port") == 0 ? atoi(argv[2]) : 0;
  if (port <= 0 || port > 65535) {
    fprintf(stderr, "usage: h2origin --port P\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  nghttp2_session_callbacks* callbacks = NULL;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) die("nghttp2");
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) die("epoll_create1");
  int listener = listen_on(port);
  struct epoll_event events[kEvents];
  for (;;) {
    int count = epoll_wait(poller, events, kEvents, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr == NULL) {
        welcome(listener, callbacks);
      } else if (!serve(events[i].data.ptr)) {
        drop(events[i].data.ptr);
      }
    }
  }
}
