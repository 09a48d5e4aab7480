// Arbitrary bytes as a config: load() must neither crash nor throw, and what it takes must print to what it takes
// again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/load.h"
#include "config/print.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::config;
  Environment environment;
  environment.variable = [](const std::string& name) { return std::optional<std::string>(name); };
  environment.read = [](const std::string& path, std::size_t, std::string& content, std::string&) {
    content = path;
    return true;
  };
  const LoadResult first = load(std::string_view(reinterpret_cast<const char*>(data), size), "/f/c.toml", environment);
  for (const Diagnostic& diagnostic : first.diagnostics) {
    if (to_string(diagnostic).find('\n') != std::string::npos) std::abort();
  }
  const std::string printed = print(first.settings);
  if (!first.ok()) return 0;
  const LoadResult second = load(printed, "/f/c.toml", {});
  if (!second.parsed || print(second.settings) != printed) std::abort();
  return 0;
}
