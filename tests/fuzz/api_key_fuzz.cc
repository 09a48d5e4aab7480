// Arbitrary bytes as the text of an API key and as a file of them: neither may crash, what is read back from what is
// written is the same, and no text of fewer letters than a key passes for one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "identity/api_key.h"
#include "identity/api_key_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::identity;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto kid = parse_api_key(text); kid && (text.size() != kApiKeySize || !is_api_key_kid(*kid))) std::abort();
  const ApiKeyFile file = parse_api_key_file(text);
  if (!file.error.empty() && !file.records.empty()) std::abort();
  std::string written;
  for (const ApiKeyRecord& record : file.records) {
    if (record.expires <= 0 || record.subject.empty()) std::abort();
    written += api_key_line(record);
  }
  const ApiKeyFile again = parse_api_key_file(written);
  if (!again.error.empty() || again.records != file.records) std::abort();
  if (ApiKeySet(file.records).check(text, 0).verdict == ApiKeyVerdict::good) std::abort();
  return 0;
}
