// Runs a fuzz target over files without libFuzzer, so that every corpus entry is a regression test under any compiler.
// Each file is given whole and cut at every byte (a parser's bugs like to sit at the cut). Called by ctest.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kMaxCuts = 2048;  // quadratic work: a long file is cut in its first bytes only

void run(const std::vector<std::uint8_t>& bytes, std::size_t size) {
  // An exact-size copy: a read past the end is then visible to AddressSanitizer.
  const std::vector<std::uint8_t> exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void replay(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  for (std::size_t cut = 0; cut < std::min(bytes.size(), kMaxCuts); ++cut) run(bytes, cut);
  run(bytes, bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t files = 0;
  run({}, 0);
  for (int i = 1; i < argc; ++i) {
    const std::filesystem::path path(argv[i]);
    if (std::filesystem::is_regular_file(path)) {
      replay(path);
      ++files;
    } else if (std::filesystem::is_directory(path)) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
        if (!entry.is_regular_file()) continue;
        replay(entry.path());
        ++files;
      }
    }
  }
  std::printf("%zu files replayed\n", files);
  return 0;
}
