// Connecting without blocking: what works, and what each failure means.
#include "net/connect.h"

#include <gtest/gtest.h>

#include "unit/net/loop_support.h"

namespace postern::net {
namespace {

using Outcome = Result<Socket>;

class ConnectTest : public ::testing::Test {
 protected:
  ~ConnectTest() override { loop_.finish(); }
  /// A listener's address; closed again, so that nobody is there, when `gone`.
  SocketAddress listening(bool gone) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto any = ip_address("127.0.0.1", 0);
    EXPECT_EQ(::bind(fd_, any->get(), any->size), 0);
    const SocketAddress where = local_of(fd_);
    if (!gone) ::listen(fd_, 4);
    return where;
  }
  Error failure(const SocketAddress& address) {
    test::Running<Outcome> running(loop_, connect(loop_, address, 1'000));
    Outcome& out = running.get();
    EXPECT_FALSE(out);
    return out ? Error{} : out.error();
  }
  Loop loop_;
  int fd_ = -1;
};

TEST_F(ConnectTest, Connects) {
  const SocketAddress where = listening(false);
  {
    test::Running<Outcome> running(loop_, connect(loop_, where, 1'000));
    Outcome& out = running.get();
    ASSERT_TRUE(out);
    EXPECT_EQ(remote_of(out->fd()).text(), where.text());
  }
  ::close(fd_);
}

TEST_F(ConnectTest, RefusedMayBeTriedElsewhere) {
  // Bound and not listening: nobody else can take the port meanwhile.
  EXPECT_EQ(failure(listening(true)), (Error{Code::refused, Side::upstream, Retry::always}));
  ::close(fd_);
}

TEST_F(ConnectTest, AUnixSocketThatIsNotThereIsRefused) {
  EXPECT_EQ(failure(*unix_address("/nonexistent/socket")), (Error{Code::refused, Side::upstream, Retry::always}));
}

TEST_F(ConnectTest, NoRouteIsUnreachable) {
  EXPECT_EQ(failure(*ip_address("255.255.255.255", 9)).code, Code::unreachable);
}

}  // namespace
}  // namespace postern::net
