// The bytes of a connection that nobody has used yet: where they stand, and that nothing is held when there are none.
#include "wire/h1_input.h"

#include <gtest/gtest.h>

#include "unit/net/loop_support.h"

namespace postern::wire {
namespace {

class H1InputTest : public ::testing::Test {
 protected:
  H1InputTest() : pair_(test::make_pair(loop_)), stream_(std::move(pair_.socket), Side::downstream), input_(stream_) {}
  ~H1InputTest() override {
    stream_.close();
    loop_.finish();
  }
  net::IoResult arrive(std::string_view bytes, std::size_t wanted = BufferPool::kSmall) {
    EXPECT_TRUE(pair_.peer.send(bytes));
    test::settle(loop_);
    return input_.read(wanted);
  }

  net::Loop loop_;
  test::Pair pair_;
  net::Stream stream_;
  H1Input input_;
};

TEST_F(H1InputTest, HoldsNothingUntilItReadsAndNothingAfterwards) {
  EXPECT_EQ(loop_.buffers().leased(), 0u);
  EXPECT_EQ(arrive("abc").bytes, 3u);
  EXPECT_EQ(input_.unread(), "abc");
  input_.consume(3);
  input_.release_kept();
  EXPECT_EQ(loop_.buffers().leased(), 0u);
}

TEST_F(H1InputTest, KeepsWhatIsUnread) {
  arrive("abcdef");
  input_.consume(2);
  input_.release_kept();
  EXPECT_EQ(input_.unread(), "cdef");
  arrive("gh");
  EXPECT_EQ(input_.unread(), "cdefgh");
}

TEST_F(H1InputTest, ConsumeCanBeUndone) {
  arrive("headbody");
  input_.consume(4);
  input_.keep_consumed();
  input_.consume(4);
  input_.unconsume(4);
  EXPECT_EQ(input_.unread(), "body");
}

TEST_F(H1InputTest, AHeadStaysWhereItIsWhileItsBodyComes) {
  arrive("head-body");
  const char* const head = input_.data();
  input_.consume(5);
  input_.keep_consumed();
  std::size_t total = 4;
  const std::string more(15'000, 'x');
  for (int i = 0; i < 8; ++i) {
    input_.consume(input_.unread().size());
    total += arrive(more, BufferPool::kLarge).bytes;
    EXPECT_EQ(std::string_view(head, 5), "head-");
  }
  EXPECT_GT(total, 60'000u);
  input_.consume(input_.unread().size());
  input_.release_kept();
  EXPECT_EQ(loop_.buffers().leased(), 0u);
}

TEST_F(H1InputTest, GrowsForALongHeadAndThenIsFull) {
  std::size_t total = 0;
  const std::string part(10'000, 'x');
  for (int i = 0; i < 7; ++i) {
    EXPECT_TRUE(pair_.peer.send(part));
    test::settle(loop_);
    while (!input_.drained()) {
      const net::IoResult got = input_.read(BufferPool::kSmall);
      if (got.status != net::IoStatus::ok) break;
      total += got.bytes;
    }
  }
  EXPECT_EQ(total, BufferPool::kLarge);
  EXPECT_TRUE(input_.is_full());
  EXPECT_EQ(input_.read(1).status, net::IoStatus::error);
}

TEST_F(H1InputTest, KnowsWhenTheSocketIsEmpty) {
  arrive("abc");
  EXPECT_TRUE(input_.drained());
  EXPECT_EQ(input_.read(1).status, net::IoStatus::want_read);
}

}  // namespace
}  // namespace postern::wire
