/* The floor of every proxy: a TCP relay that parses nothing, one upstream connection per client connection.
 * usage: floor PORT TARGET [PORT TARGET]...    TARGET is a port of 127.0.0.1 or the path of a Unix socket.
 * bench/run prints its CPU time per request as the least that any program with this shape can reach here.
 * One thread, one epoll. Bytes that the other side does not take are kept, and reading stops until they are gone. */
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
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { kBuffer = 65536, kEvents = 256, kListeners = 8 };

/* One end of a relayed pair. `kept` are bytes read from the peer that this end could not take yet. */
struct End {
  int fd;
  bool read_closed, write_closed;
  uint32_t interest;
  char* kept;
  size_t kept_begin, kept_end;
  struct End* peer;
};

struct Pair {
  struct End ends[2]; /* client, upstream */
  bool gone;
  struct Pair* next_gone;
};

struct Listener {
  int fd;
  union {
    struct sockaddr any;
    struct sockaddr_in tcp;
    struct sockaddr_un local;
  } target;
  socklen_t target_size;
};

static struct Listener listeners[kListeners];
static size_t listener_count;
static int poller = -1;
static struct Pair* gone; /* freed after the batch of events */
static char buffer[kBuffer];

static void die(const char* what) {
  perror(what);
  exit(1);
}

static struct Pair* pair_of(struct End* end) {
  /* the client's end is first in the pair, so the lower address of the two is the pair's */
  return (struct Pair*)(void*)(end < end->peer ? end : end->peer);
}

static void drop(struct Pair* pair) {
  if (pair->gone) return;
  pair->gone = true;
  for (int i = 0; i < 2; ++i) {
    close(pair->ends[i].fd);
    free(pair->ends[i].kept);
    pair->ends[i].kept = NULL;
  }
  pair->next_gone = gone;
  gone = pair;
}

static void set_interest(struct End* end, uint32_t events) {
  if (end->interest == events) return;
  struct epoll_event event = {.events = events, .data.ptr = end};
  if (epoll_ctl(poller, EPOLL_CTL_MOD, end->fd, &event) != 0) epoll_ctl(poller, EPOLL_CTL_ADD, end->fd, &event);
  end->interest = events;
}

static void update(struct End* end) {
  uint32_t events = 0;
  if (!end->read_closed && end->peer->kept_begin == end->peer->kept_end) events |= EPOLLIN;
  if (end->kept_begin < end->kept_end) events |= EPOLLOUT;
  set_interest(end, events);
}

/* Passes the peer's end of stream on, once all its bytes are out. False when the pair is gone. */
static bool pass_end(struct End* to) {
  struct Pair* pair = pair_of(to);
  if (to->peer->read_closed && !to->write_closed && to->kept_begin == to->kept_end) {
    shutdown(to->fd, SHUT_WR);
    to->write_closed = true;
  }
  if (pair->ends[0].write_closed && pair->ends[1].write_closed) {
    drop(pair);
    return false;
  }
  return true;
}

static bool keep(struct End* to, const char* bytes, size_t size) {
  if (to->kept == NULL) to->kept = malloc(kBuffer);
  if (to->kept == NULL) return false;
  memcpy(to->kept, bytes, size);
  to->kept_begin = 0;
  to->kept_end = size;
  return true;
}

static void on_readable(struct End* from) {
  struct End* to = from->peer;
  ssize_t got = recv(from->fd, buffer, kBuffer, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) {
    drop(pair_of(from));
    return;
  }
  if (got == 0) {
    from->read_closed = true;
    if (pass_end(to)) update(from);
    return;
  }
  ssize_t sent = send(to->fd, buffer, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    drop(pair_of(from));
    return;
  }
  if (sent < 0) sent = 0;
  if (sent == got) return;
  if (!keep(to, buffer + sent, (size_t)(got - sent))) {
    drop(pair_of(from));
    return;
  }
  update(from);
  update(to);
}

static void on_writable(struct End* to) {
  ssize_t sent = send(to->fd, to->kept + to->kept_begin, to->kept_end - to->kept_begin, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN && errno != EINTR) drop(pair_of(to));
    return;
  }
  to->kept_begin += (size_t)sent;
  if (to->kept_begin < to->kept_end) return;
  to->kept_begin = to->kept_end = 0;
  if (!pass_end(to)) return;
  update(to);
  update(to->peer);
}

static void add_end(struct End* end, int fd, struct End* peer) {
  int on = 1;
  end->fd = fd;
  end->peer = peer;
  end->interest = EPOLLIN;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* fails on a Unix socket, which needs none */
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = end};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

static void welcome(const struct Listener* listener) {
  for (;;) {
    int client = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) return;
    /* A blocking connect: on one machine it ends at once, and reads and writes below never block. */
    int upstream = socket(listener->target.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct Pair* pair = calloc(1, sizeof *pair);
    if (pair == NULL || upstream < 0 || connect(upstream, &listener->target.any, listener->target_size) != 0) {
      close(client);
      if (upstream >= 0) close(upstream);
      free(pair);
      continue;
    }
    add_end(&pair->ends[0], client, &pair->ends[1]);
    add_end(&pair->ends[1], upstream, &pair->ends[0]);
  }
}

static void add_listener(const char* port, const char* target) {
  struct Listener* listener = &listeners[listener_count++];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int on = 1;
  if (target[0] == '/') {
    listener->target.local.sun_family = AF_UNIX;
    strncpy(listener->target.local.sun_path, target, sizeof listener->target.local.sun_path - 1);
    listener->target_size = sizeof listener->target.local;
  } else {
    listener->target.tcp = address;
    listener->target.tcp.sin_port = htons((uint16_t)atoi(target));
    listener->target_size = sizeof listener->target.tcp;
  }
  listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  address.sin_port = htons((uint16_t)atoi(port));
  setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener->fd, (const struct sockaddr*)&address, sizeof address) != 0) die("bind");
  if (listen(listener->fd, 4096) != 0) die("listen");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = listener};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, listener->fd, &event) != 0) die("epoll_ctl");
}

static void dispatch(const struct epoll_event* event) {
  const struct Listener* listener = event->data.ptr;
  if (listener >= listeners && listener < listeners + kListeners) {
    welcome(listener);
    return;
  }
  struct End* end = event->data.ptr;
  struct Pair* pair = pair_of(end);
  if (pair->gone) return;
  if (event->events & EPOLLOUT) on_writable(end);
  if (!pair->gone && (event->events & EPOLLIN)) on_readable(end);
  if (pair->gone || (event->events & (EPOLLIN | EPOLLOUT))) return;
  if (end->peer->kept_begin == end->peer->kept_end) {
    drop(pair); /* an error or a hang-up, and nothing on its way to the other side */
  } else {
    epoll_ctl(poller, EPOLL_CTL_DEL, end->fd, NULL); /* hung up: silent until set_interest() wants it again */
  }
}

int main(int argc, char** argv) {
  if (argc < 3 || argc % 2 == 0 || argc > 2 * kListeners) {
    fprintf(stderr, "usage: floor PORT TARGET [PORT TARGET]...\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0) die("epoll_create1");
  for (int i = 1; i + 1 < argc; i += 2) add_listener(argv[i], argv[i + 1]);
  struct epoll_event events[kEvents];
  for (;;) {
    int count = epoll_wait(poller, events, kEvents, -1);
    for (int i = 0; i < count; ++i) dispatch(&events[i]);
    while (gone != NULL) {
      struct Pair* next = gone->next_gone;
      free(gone);
      gone = next;
    }
  }
}
