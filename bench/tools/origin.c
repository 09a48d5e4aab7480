/* A very fast HTTP/1.1 origin: one thread, one epoll, keep-alive and pipelining. usage: origin --port P [--unix PATH]
 * bench/run puts it behind every proxy, and scripts/run uses it as the example origin.
 *   GET /           a JSON body of 120 bytes (any other path too)     GET /bytes/N   N bytes (at most 1 GiB)
 *   POST, PUT, ...  reads the body (length or chunked) and answers a small JSON; a path that ends in
 *                   ":predict" or "/invocations" is answered like a model server would.
 * It listens on 127.0.0.1 only and is lenient: it trusts its client, so it must never stand at a front. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { kInSize = 16384, kOutSize = 4096, kScratch = 262144, kFill = 262144, kEvents = 256 };

enum State { kHead, kLengthBody, kChunkSize, kChunkData, kChunkEnd, kTrailer };

struct Conn {
  int fd;
  enum State state;
  bool listener, tcp, closing, waits_for_write;
  size_t in_begin, in_end, out_begin, out_end;
  uint64_t body_left; /* of the request, or of its current chunk */
  uint64_t fill_left; /* of a /bytes/N answer: sent from `fill`, after what `out` holds */
  const char* reply;  /* chosen when the head is read, written when the body has ended */
  size_t reply_size;
  uint64_t reply_fill;
  bool head_method;
  struct Conn* next_dead;
  char in[kInSize], out[kOutSize];
};

static char scratch[kScratch], fill[kFill];
static int poller = -1;
static struct Conn* dead; /* freed after the batch of events: a later event of the batch may still point here */

/* 120 bytes, counted by the assertion below. */
#define ROOT_JSON                                                                                                      \
  "{\"service\":\"origin\",\"status\":\"ok\",\"models\":[\"iris\",\"half-plus-two\"],\"note\":\"the same one hundred " \
  "twenty bytes for all.\"}"
_Static_assert(sizeof(ROOT_JSON) - 1 == 120, "GET / answers 120 bytes");
#define REPLY(length, json) "Content-Type: application/json\r\nContent-Length: " length "\r\n\r\n" json
#define PREDICT_JSON "{\"predictions\":[[0.1,0.7,0.2]],\"model\":\"example\"}"
_Static_assert(sizeof(PREDICT_JSON) - 1 == 49, "the length written in kPredictReply");
#define POST_JSON "{\"received\":true}"
_Static_assert(sizeof(POST_JSON) - 1 == 17, "the length written in kPostReply");
static const char kStatus[] = "HTTP/1.1 200 OK\r\n"; /* before every reply below, and kClose where it ends */
static const char kClose[] = "Connection: close\r\n";
static const char kRootReply[] = REPLY("120", ROOT_JSON);
static const char kPredictReply[] = REPLY("49", PREDICT_JSON);
static const char kPostReply[] = REPLY("17", POST_JSON);
static const char kContinue[] = "HTTP/1.1 100 Continue\r\n\r\n";
static const char kBad[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

static void die(const char* what) {
  perror(what);
  exit(1);
}

static void watch(struct Conn* c, uint32_t events, int op) {
  struct epoll_event event = {.events = events, .data.ptr = c};
  if (epoll_ctl(poller, op, c->fd, &event) != 0 && op == EPOLL_CTL_ADD) die("epoll_ctl");
}

static void drop(struct Conn* c) {
  if (c->fd < 0) return;
  close(c->fd);
  c->fd = -1;
  c->next_dead = dead;
  dead = c;
}

static void append(struct Conn* c, const char* bytes, size_t size) {
  memcpy(c->out + c->out_end, bytes, size);
  c->out_end += size;
}

/* Sends what is pending. False when the connection is gone or must wait for room. */
static bool flush(struct Conn* c) {
  while (c->out_begin < c->out_end || c->fill_left > 0) {
    struct iovec parts[2] = {{c->out + c->out_begin, c->out_end - c->out_begin},
                             {fill, c->fill_left < kFill ? (size_t)c->fill_left : (size_t)kFill}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = c->fill_left > 0 ? 2 : 1};
    ssize_t sent = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) {
        drop(c);
        return false;
      }
      if (!c->waits_for_write) watch(c, EPOLLOUT, EPOLL_CTL_MOD); /* no reads meanwhile: backpressure */
      c->waits_for_write = true;
      return false;
    }
    size_t done = (size_t)sent, of_out = done < parts[0].iov_len ? done : parts[0].iov_len;
    c->out_begin += of_out;
    c->fill_left -= done - of_out;
  }
  c->out_begin = c->out_end = 0;
  if (c->waits_for_write) watch(c, EPOLLIN, EPOLL_CTL_MOD);
  c->waits_for_write = false;
  if (c->closing && c->state == kHead) { /* and not before the body that comes with "Connection: close" is read */
    drop(c);
    return false;
  }
  return true;
}

static bool has_token(const char* value, size_t size, const char* token) {
  size_t length = strlen(token);
  for (size_t i = 0; i + length <= size; ++i) {
    if (strncasecmp(value + i, token, length) == 0) return true;
  }
  return false;
}

static bool is_name(const char* line, size_t size, const char* name) {
  return size == strlen(name) && strncasecmp(line, name, size) == 0;
}

static bool ends_with(const char* text, size_t size, const char* tail) {
  size_t length = strlen(tail);
  return size >= length && memcmp(text + size - length, tail, length) == 0;
}

static void choose(struct Conn* c, const char* reply, size_t size) {
  c->reply = reply;
  c->reply_size = size;
}

/* Picks the answer from the method and the path; it is written once the request's body has ended. */
static void route(struct Conn* c, const char* method, const char* path, size_t path_size) {
  bool is_get = memcmp(method, "GET ", 4) == 0;
  c->head_method = memcmp(method, "HEAD", 4) == 0;
  c->reply_fill = 0;
  if (!is_get && !c->head_method) {
    if (ends_with(path, path_size, ":predict") || ends_with(path, path_size, "/invocations")) {
      choose(c, kPredictReply, sizeof kPredictReply - 1);
    } else {
      choose(c, kPostReply, sizeof kPostReply - 1);
    }
  } else if (path_size > 7 && memcmp(path, "/bytes/", 7) == 0) {
    uint64_t size = 0;
    for (size_t i = 7; i < path_size && path[i] >= '0' && path[i] <= '9' && size <= (1U << 30); ++i) {
      size = size * 10 + (uint64_t)(path[i] - '0');
    }
    c->reply = NULL;
    c->reply_fill = size > (1U << 30) ? (1U << 30) : size;
  } else {
    choose(c, kRootReply, sizeof kRootReply - 1);
  }
}

/* Writes the chosen answer. The caller has seen to it that `out` has room for a head and a small body. */
static void answer(struct Conn* c) {
  c->state = kHead;
  append(c, kStatus, sizeof kStatus - 1);
  if (c->closing) append(c, kClose, sizeof kClose - 1);
  if (c->reply == NULL) {
    int size = snprintf(c->out + c->out_end, kOutSize - c->out_end,
                        "Content-Type: application/octet-stream\r\nContent-Length: %llu\r\n\r\n",
                        (unsigned long long)c->reply_fill);
    c->out_end += (size_t)size;
    c->fill_left = c->head_method ? 0 : c->reply_fill;
    return;
  }
  size_t size = c->reply_size;
  if (c->head_method) size = (size_t)((const char*)memmem(c->reply, size, "\r\n\r\n", 4) - c->reply) + 4;
  append(c, c->reply, size);
}

/* Reads one head that ends before `end`. False when it is no HTTP. */
static bool read_head(struct Conn* c, const char* line, const char* end) {
  const char* line_end = memchr(line, '\n', (size_t)(end - line));
  const char* space = memchr(line, ' ', (size_t)(line_end - line));
  const char* path = space == NULL ? NULL : space + 1;
  const char* path_end = path == NULL ? NULL : memchr(path, ' ', (size_t)(line_end - path));
  if (path_end == NULL || path_end == path || path - line < 4) return false;
  const char* query = memchr(path, '?', (size_t)(path_end - path));
  route(c, line, path, (size_t)((query != NULL ? query : path_end) - path));
  bool keep = line_end - path_end < 9 || memcmp(path_end + 1, "HTTP/1.0", 8) != 0, chunked = false, expects = false;
  uint64_t length = 0;
  for (line = line_end + 1; line < end; line = line_end + 1) {
    line_end = memchr(line, '\n', (size_t)(end - line));
    if (line_end == NULL) break;
    const char* colon = memchr(line, ':', (size_t)(line_end - line));
    if (colon == NULL) continue;
    size_t name_size = (size_t)(colon - line), value_size = (size_t)(line_end - colon - 1);
    const char* value = colon + 1;
    if (is_name(line, name_size, "content-length")) {
      length = strtoull(value, NULL, 10);
    } else if (is_name(line, name_size, "transfer-encoding")) {
      chunked = has_token(value, value_size, "chunked");
    } else if (is_name(line, name_size, "connection")) {
      if (has_token(value, value_size, "close")) keep = false;
      if (has_token(value, value_size, "keep-alive")) keep = true;
    } else if (is_name(line, name_size, "expect")) {
      expects = has_token(value, value_size, "100-continue");
    }
  }
  c->closing = !keep;
  c->body_left = chunked ? 0 : length;
  c->state = chunked ? kChunkSize : kLengthBody;
  if (expects && (chunked || length > 0)) append(c, kContinue, sizeof kContinue - 1);
  return true;
}

/* One step over a line of chunk framing. 1: went on, 0: needs more bytes, -1: broken. */
static int read_chunk_line(struct Conn* c) {
  char* begin = c->in + c->in_begin;
  char* end = memchr(begin, '\n', c->in_end - c->in_begin);
  if (end == NULL) return 0;
  bool empty = end == begin || (end == begin + 1 && *begin == '\r');
  c->in_begin += (size_t)(end - begin) + 1;
  if (c->state == kChunkEnd) {
    c->state = kChunkSize;
    return empty ? 1 : -1;
  }
  if (c->state == kTrailer) {
    if (empty) answer(c);
    return 1;
  }
  char* after = begin;
  c->body_left = strtoull(begin, &after, 16); /* stops at ';', CR or LF */
  if (after == begin) return -1;
  c->state = c->body_left == 0 ? kTrailer : kChunkData;
  return 1;
}

/* Works through the bytes in hand. False when the connection is gone or waits for room. */
static bool advance(struct Conn* c) {
  for (;;) {
    if (c->closing && c->state == kHead) return flush(c); /* the last answer is written */
    if (c->fill_left > 0 || c->out_end > kOutSize / 2) {
      if (!flush(c)) return false;
    }
    size_t have = c->in_end - c->in_begin;
    if (c->state == kLengthBody || c->state == kChunkData) {
      size_t take = c->body_left < have ? (size_t)c->body_left : have;
      c->in_begin += take;
      c->body_left -= take;
      if (c->body_left > 0) break;
      if (c->state == kLengthBody) {
        answer(c);
      } else {
        c->state = kChunkEnd;
      }
      continue;
    }
    if (have == 0) break;
    int step = 1;
    if (c->state == kHead) {
      char* begin = c->in + c->in_begin;
      char* end = memmem(begin, have, "\r\n\r\n", 4);
      if (end == NULL) {
        step = 0;
      } else {
        step = read_head(c, begin, end + 2) ? 1 : -1;
        c->in_begin += (size_t)(end - begin) + 4;
      }
    } else {
      step = read_chunk_line(c);
    }
    if (step == 0 && have < kInSize) break;
    if (step <= 0) { /* broken, or a head that is larger than the buffer */
      append(c, kBad, sizeof kBad - 1);
      c->closing = true;
      c->state = kHead;
      c->in_begin = c->in_end;
    }
  }
  if (c->in_begin == c->in_end) {
    c->in_begin = c->in_end = 0;
  } else if (c->in_begin > 0) {
    memmove(c->in, c->in + c->in_begin, c->in_end - c->in_begin);
    c->in_end -= c->in_begin;
    c->in_begin = 0;
  }
  return flush(c);
}

static void serve(struct Conn* c) {
  for (int reads = 0; reads < 16; ++reads) { /* one busy upload must not starve the others */
    bool discards = c->in_end == 0 && (c->state == kLengthBody || c->state == kChunkData) && c->body_left > 0;
    char* into = discards ? scratch : c->in + c->in_end;
    size_t room = discards ? (c->body_left < kScratch ? (size_t)c->body_left : (size_t)kScratch) : kInSize - c->in_end;
    ssize_t got = recv(c->fd, into, room, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      drop(c);
      return;
    }
    if (discards) {
      c->body_left -= (size_t)got;
    } else {
      c->in_end += (size_t)got;
    }
    if (!advance(c)) return;
    if ((size_t)got < room) return; /* level-triggered: the rest is announced again */
  }
}

static void welcome(struct Conn* listener) {
  for (;;) {
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct Conn* c = malloc(sizeof *c);
    if (c == NULL) {
      close(fd);
      return;
    }
    memset(c, 0, offsetof(struct Conn, in));
    c->fd = fd;
    int on = 1;
    if (listener->tcp) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(c, EPOLLIN, EPOLL_CTL_ADD);
  }
}

static void add_listener(struct Conn* listener, const struct sockaddr* address, socklen_t size) {
  int on = 1;
  listener->listener = true;
  listener->tcp = address->sa_family == AF_INET;
  listener->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener->fd < 0) die("socket");
  setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener->fd, address, size) != 0) die("bind");
  if (listen(listener->fd, 4096) != 0) die("listen");
  watch(listener, EPOLLIN, EPOLL_CTL_ADD);
}

static void listen_on(int port, const char* path) {
  static struct Conn tcp, local;
  if (port >= 0) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)port);
    add_listener(&tcp, (const struct sockaddr*)&address, sizeof address);
    socklen_t size = sizeof address;
    getsockname(tcp.fd, (struct sockaddr*)&address, &size);
    printf("origin listens on 127.0.0.1:%d\n", ntohs(address.sin_port));
  }
  if (path != NULL) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
      fprintf(stderr, "origin: the Unix socket's path is too long\n");
      exit(2);
    }
    memcpy(address.sun_path, path, strlen(path));
    unlink(path);
    add_listener(&local, (const struct sockaddr*)&address, sizeof address);
    printf("origin listens on unix:%s\n", path);
  }
  fflush(stdout);
}

int main(int argc, char** argv) {
  int port = -1;
  const char* path = NULL;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--port") == 0 && i + 1 < argc) {
      port = atoi(argv[++i]);
    } else if (strcmp(argv[i], "--unix") == 0 && i + 1 < argc) {
      path = argv[++i];
    } else {
      port = -1;
      path = NULL;
      break;
    }
  }
  if ((port < 0 && path == NULL) || port > 65535) {
    fprintf(stderr, "usage: origin --port P [--unix PATH]   (port 0: any free one, printed)\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  memset(fill, 'x', sizeof fill);
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) die("epoll_create1");
  listen_on(port, path);
  struct epoll_event events[kEvents];
  for (;;) {
    int count = epoll_wait(poller, events, kEvents, -1);
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; ++i) {
      struct Conn* c = events[i].data.ptr;
      if (c->listener) {
        welcome(c);
      } else if (c->fd >= 0) {
        if (!c->waits_for_write || (flush(c) && advance(c))) serve(c);
      }
    }
    while (dead != NULL) {
      struct Conn* next = dead->next_dead;
      free(dead);
      dead = next;
    }
  }
}
