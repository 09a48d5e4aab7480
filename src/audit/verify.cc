#include "audit/verify.h"

#include <algorithm>
#include <tuple>

#include "audit/chain_check.h"
#include "audit/line.h"
#include "audit/line_reader.h"

namespace postern::audit {
namespace {

/// Where a file belongs, as its first lines say.
struct Place {
  std::string path;
  std::string stream, chain;  // empty: its first line does not say
  std::uint64_t seq = 0;      // of the first record that can be read
};

Place place_of(const std::string& path) {
  constexpr int kLooks = 100;
  Place place{path, {}, {}, 0};
  LineReader reader(path, kMaxLine);
  std::string_view text;
  for (int i = 0; i < kLooks && reader.next(text); ++i) {
    const std::optional<Line> line = parse_line(text);
    if (!line) continue;
    place.seq = line->seq;
    if (line->kind == "file") {
      place.stream = find_text(*line, "stream").value_or("");
      place.chain = find_text(*line, "chain").value_or("");
    }
    break;
  }
  return place;
}

/// A file that does not say where it belongs is looked at with those that do, if there is only one chain.
void place_the_rest(std::vector<Place>& places) {
  const auto named = std::ranges::find_if(places, [](const Place& place) { return !place.chain.empty(); });
  if (named == places.end()) return;
  const std::string stream = named->stream, chain = named->chain;
  const bool is_one =
      std::ranges::all_of(places, [&](const Place& place) { return place.chain.empty() || place.chain == chain; });
  if (!is_one) return;
  for (Place& place : places) {
    place.stream = stream;
    place.chain = chain;
  }
}

}  // namespace

Verification verify(const std::vector<std::string>& files, const std::vector<crypto::Ed25519PublicKey>& keys) {
  std::vector<Place> places;
  for (const std::string& path : files) {
    if (!path.ends_with(".lock")) places.push_back(place_of(path));  // they come with FILE*
  }
  place_the_rest(places);
  std::ranges::stable_sort(places, [](const Place& a, const Place& b) {
    return std::tie(a.stream, a.chain, a.seq) < std::tie(b.stream, b.chain, b.seq);
  });
  Verification out;
  for (std::size_t i = 0; i < places.size();) {
    ChainCheck check(keys, out);
    const Place first = places[i];
    do {
      check.add_file(places[i].path);
      ++i;
    } while (i < places.size() && !first.chain.empty() && places[i].chain == first.chain &&
             places[i].stream == first.stream);
    check.finish();
  }
  if (out.chains.empty() && out.is_good()) {
    out.findings.push_back({Weight::problem, files.empty() ? "" : files.front(), 0, 0, "there is no record at all"});
    ++out.problems;
  }
  return out;
}

}  // namespace postern::audit
