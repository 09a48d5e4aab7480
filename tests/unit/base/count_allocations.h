// Counts what this thread allocates; in proxy/allocations_test.cc, which replaces operator new. 0 under sanitizers.
#pragma once

#include <cstdint>

namespace postern::test {

void start_counting_allocations() noexcept;
std::uint64_t stop_counting_allocations() noexcept;

}  // namespace postern::test
