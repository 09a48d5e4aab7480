// Arbitrary bytes as a line of an audit file: what is taken for a record has all its parts within the line, and looking
// for members and signatures in it goes nowhere else.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string_view>

#include "audit/line.h"

namespace {

void must(bool condition) {
  if (!condition) std::abort();
}

void must_be_within(std::string_view part, std::string_view whole) {
  const std::less_equal<const char*> before;
  must(before(whole.data(), part.data()) && before(part.data() + part.size(), whole.data() + whole.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::audit;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = parse_line(text);
  if (!line) return 0;
  must(line->seq != 0 && !line->kind.empty());
  must(line->prev.empty() || (line->prev.size() == kHexHash && line->ends_group()));
  if (line->ends_group()) {
    must(line->hash.size() == kHexHash && line->hashed.size() + 10 + kHexHash + 1 == text.size());
  } else {
    must(line->hashed.size() == text.size());
  }
  for (const std::string_view part : {line->kind, line->time, line->hashed}) must_be_within(part, text);
  if (line->ends_group()) must_be_within(line->hash, text);
  if (!line->prev.empty()) must_be_within(line->prev, text);
  for (const std::string_view name : {"stream", "chain", "begin", "why", "key", "after", "problem"}) {
    if (const auto value = find_text(*line, name)) must_be_within(*value, line->hashed);
  }
  find_number(*line, "records");
  if (const auto found = find_signature(*line)) {
    must_be_within(found->message, line->hashed);
    must_be_within(found->key, line->hashed);
  }
  GroupHash group;
  group.begin(kNoHash);
  if (line->ends_group()) {
    group.fits(*line);
  } else {
    group.add(*line);
  }
  return 0;
}
