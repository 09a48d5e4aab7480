/* An origin of endless server-sent events for bench/run. usage: sse_origin --port P [--streams N] [--period-us U]
 * Every connection that sends a GET becomes a stream: one event each period (20 ms), as one chunk of 46 bytes:
 *   data: <19 digits: CLOCK_MONOTONIC ns when it is written> <12 digits: its number in this stream>
 * The streams' turns are spread evenly over the period, so that a proxy never gets a thousand events at once. A
 * stream that does not take its event loses it: the number goes on, and the client sees the gap.
 * One thread, one epoll, one send per event. 127.0.0.1 only; it trusts its client. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kHeadSize = 8192, kEvents = 256, kTickNs = 100000, kPlaces = 4 };

#define EVENT "28\r\ndata: 0000000000000000000 000000000000\n\n\r\n"
enum { kEventSize = sizeof(EVENT) - 1, kStampAt = 10, kStampDigits = 19, kNumberAt = 30, kNumberDigits = 12 };
_Static_assert(kEventSize == 4 + 0x28 + 2, "the chunk's size is written in its first line");

static const char kHead[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: "
    "chunked\r\n\r\n";

struct Conn {
  int fd;
  int64_t slot; /* -1 before the request is read */
  uint64_t number;
  size_t in_size, rest_size; /* of the head so far; of an event that was taken in part */
  char in[kHeadSize], rest[kEventSize];
};

/* By turn, and up to four streams in each: those of the last client may not be closed yet when the next one comes. A
 * turn's streams are in one row; NULL is a free place. */
static struct Conn** slots;
static int64_t slot_count = 1000, period_ns = 20000000;
static int live, poller = -1; /* how many streams there are */

static void die(const char* what) {
  perror(what);
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void write_digits(char* into, int digits, uint64_t value) {
  for (int i = digits; i-- > 0; value /= 10) into[i] = (char)('0' + value % 10);
}

static void drop(struct Conn* c) {
  if (c->slot >= 0) {
    slots[c->slot] = NULL;
    --live;
  }
  close(c->fd);
  free(c);
}

/* False when the connection is gone. */
static bool send_event(struct Conn* c, int64_t now) {
  if (c->rest_size > 0) {
    ssize_t sent = send(c->fd, c->rest + kEventSize - c->rest_size, c->rest_size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent > 0) c->rest_size -= (size_t)sent;
  }
  uint64_t number = c->number++;
  if (c->rest_size > 0) return true; /* this event is lost */
  char event[] = EVENT;
  write_digits(event + kStampAt, kStampDigits, (uint64_t)now);
  write_digits(event + kNumberAt, kNumberDigits, number);
  ssize_t sent = send(c->fd, event, kEventSize, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) return errno == EAGAIN;
  if (sent < kEventSize) {
    c->rest_size = kEventSize - (size_t)sent;
    memcpy(c->rest + sent, event + sent, c->rest_size);
  }
  return true;
}

/* Serves the turns up to now, and tells when the next one is. Turns that are more than a period late are skipped: an
 * origin that gets no CPU must not pour all of them out at once when it does. Without streams time stands still. */
static int64_t take_turns(void) {
  static int64_t begun, turn;
  if (live == 0) begun = 0;
  if (begun == 0) {
    begun = now_ns();
    turn = 0;
  }
  for (int64_t now = now_ns();; now = now_ns()) {
    int64_t due = begun + turn * period_ns / slot_count;
    if (due > now) return due;
    struct Conn** row = slots + turn++ % slot_count * kPlaces;
    for (int i = 0; i < kPlaces && now - due <= period_ns; ++i) {
      if (row[i] != NULL && !send_event(row[i], now)) drop(row[i]);
    }
  }
}

/* Takes whatever comes after the head, which a client of events never sends. */
static void read_request(struct Conn* c) {
  ssize_t got = recv(c->fd, c->in + c->in_size, kHeadSize - c->in_size, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0 || (c->in_size += (size_t)got) == kHeadSize) {
    drop(c);
    return;
  }
  if (c->slot >= 0 || memmem(c->in, c->in_size, "\r\n\r\n", 4) == NULL) return;
  for (int64_t i = 0; i < slot_count * kPlaces && c->slot < 0; ++i) { /* the first places of all turns come first */
    int64_t place = i % slot_count * kPlaces + i / slot_count;
    if (slots[place] == NULL) c->slot = place;
  }
  if (c->slot < 0 || send(c->fd, kHead, sizeof kHead - 1, MSG_NOSIGNAL) != sizeof kHead - 1) {
    drop(c); /* more streams than turns */
    return;
  }
  slots[c->slot] = c;
  ++live;
}

static void welcome(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct Conn* c = calloc(1, sizeof *c);
    if (c == NULL) die("calloc");
    c->fd = fd;
    c->slot = -1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
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
  int port = 0;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--port") == 0) port = atoi(argv[i + 1]);
    if (strcmp(argv[i], "--streams") == 0) slot_count = atoll(argv[i + 1]);
    if (strcmp(argv[i], "--period-us") == 0) period_ns = atoll(argv[i + 1]) * 1000;
  }
  if (port <= 0 || port > 65535 || slot_count <= 0 || period_ns <= 0) {
    fprintf(stderr, "usage: sse_origin --port P [--streams N] [--period-us U]\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_TIMERSLACK, 1000UL);
  slots = calloc((size_t)slot_count * kPlaces, sizeof(struct Conn*));
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0 || slots == NULL) die("epoll_create1");
  int listener = listen_on(port);
  struct epoll_event events[kEvents];
  for (;;) {
    int64_t wait = take_turns() - now_ns();
    if (wait < kTickNs) wait = kTickNs; /* some turns per wake-up: a timer for each would cost more than its event */
    struct timespec patience = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
    int count = epoll_pwait2(poller, events, kEvents, live > 0 ? &patience : NULL, NULL);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr == NULL) {
        welcome(listener);
      } else {
        read_request(events[i].data.ptr);
      }
    }
  }
}
