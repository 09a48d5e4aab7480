// The normaliser: normalising twice changes nothing, the result holds no dot segment and is never longer.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "http/uri.h"

namespace {

using namespace postern::http;

void require(bool condition) {
  if (!condition) std::abort();
}

bool has_dot_segment(std::string_view path) {
  const std::string closed = std::string(path) + "/";
  return closed.find("/./") != std::string::npos || closed.find("/../") != std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const UriPolicy policy{(data[0] & 1) != 0 ? Slashes::keep : Slashes::merge,
                         (data[0] & 2) != 0 ? EncodedSlash::keep : EncodedSlash::reject,
                         (data[0] & 4) != 0 ? PathParameters::keep : PathParameters::reject};
  const std::size_t n = size - 1;
  auto raw = std::make_unique<char[]>(n);
  auto scratch = std::make_unique<char[]>(n);
  if (n != 0) std::memcpy(raw.get(), data + 1, n);
  const std::string_view path(raw.get(), n);
  (void)check_query(path);
  const UriResult once = normalise_path(path, policy, {scratch.get(), n});
  if (!once.ok()) return 0;
  require(once.path.size() <= n && once.path.starts_with('/') && !has_dot_segment(once.path));
  if (policy.slashes == Slashes::merge) require(once.path.find("//") == std::string_view::npos);
  if (policy.parameters == PathParameters::reject) require(once.path.find_first_of(';') == std::string_view::npos);
  auto again = std::make_unique<char[]>(once.path.size());
  const UriResult twice = normalise_path(once.path, policy, {again.get(), once.path.size()});
  require(twice.ok() && twice.path == once.path);
  return 0;
}
