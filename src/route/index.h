// The flat form of all routes' conditions: one open-addressing table that holds every literal edge of every trie
// (hosts, path segments, pattern texts, header values), and small arrays for the rest. Built by build_index(), read by
// RouteTable::match() on every core, never changed. It knows routes by their number only.
//
// Most routes end in a Slot: one cache line holds the segment and the whole node behind it, and a chain of segments
// without a choice is one comparison. So a match in 10,000 routes misses the cache about once more than in ten.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/field.h"
#include "route/key_hash.h"
#include "route/method_set.h"

namespace postern::route {

/// A place in a path trie, and the routes that end there. `id` owns the literal edges that leave it.
struct Node {
  static constexpr std::uint32_t kDirect = 0x8000'0000;  // an ending of one route, conditions on the method only

  std::uint32_t id = 0;
  std::uint32_t exact = 0;          // the path ends here: kDirect | route, or 1 + index into groups; 0: no route
  std::uint32_t tail = 0;           // '*', the same: anything may follow the next '/'
  std::uint16_t exact_methods = 0;  // with kDirect: index into method_sets
  std::uint16_t tail_methods = 0;
  std::uint32_t variable = 0;  // 1 + index into nodes; 0: none
  std::uint32_t first_shape = 0;
  std::uint8_t shape_count = 0;
  bool has_literals = false;
  std::uint16_t skip_size = 0;  // text that must come first: segments that lead to this node and nowhere else
  std::uint32_t skip = 0;       // its offset in texts; equal ones share their bytes and so stay in the cache
};
static_assert(sizeof(Node) == 32);

/// Patterns of one node with equally long texts around their variable: found by hash, not one by one.
struct alignas(64) Shape {
  std::uint32_t owner = 0;  // 0: there is only one, which needs no edge
  std::uint32_t prefix_size = 0;
  std::uint32_t suffix_size = 0;
  std::uint32_t text = 0;  // the only one's prefix and suffix, in texts
  Node node;               // and where it leads
};

/// Routes at one ending that ask for the same header names; header values lead to the bucket, edge by edge.
struct Group {
  std::uint32_t rank = 0;  // limited to listeners, number of headers, names methods: higher goes first
  std::uint32_t first_condition = 0;
  std::uint32_t condition_count = 0;
  std::uint32_t owner = 0;   // of the first header value's edge
  std::uint32_t bucket = 0;  // where no condition asks for a value
  bool last = false;         // of this ending
};

struct HeaderCondition {
  std::string name;
  http::FieldId id = http::FieldId::other;
  bool any_value = false;
};

struct Candidate {
  static constexpr std::uint32_t kAnyListener = 0xFFFF'FFFF;

  std::uint32_t route = 0;
  std::uint32_t listeners = kAnyListener;  // offset into listener_bits
  MethodSet methods;
};

struct Bucket {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

/// One literal edge: `owner` and the text lead to `node`.
struct alignas(64) Slot {
  static constexpr std::size_t kInline = 26;

  std::uint32_t owner = 0;  // 0: empty
  Node node;
  std::uint16_t size = 0;
  std::array<char, kInline> text{};  // longer texts: their offset in Index::texts
};
static_assert(sizeof(Slot) == 64);

struct Index {
  static constexpr std::uint32_t kExactHosts = 1;  // owners of the host edges
  static constexpr std::uint32_t kWildcardHosts = 2;
  static constexpr std::uint32_t kFirstFreeOwner = 3;
  static constexpr std::uint32_t kMaxProbes = 16;  // the builder draws another key until this holds
  static constexpr std::size_t kLongestText = 0xFFFF;

  HashKey key;
  std::size_t mask = 0;  // slots.size() - 1
  std::vector<Slot> slots;
  Node any_host;
  bool has_exact_hosts = false;
  std::uint64_t wildcard_labels = 0;  // bit n: some "*.suffix" has n labels behind the '*'; bit 63: 63 or more
  std::vector<Node> nodes;            // behind variables
  std::vector<Shape> shapes;
  std::vector<Group> groups;
  std::vector<HeaderCondition> conditions;
  std::vector<Bucket> buckets;
  std::vector<Candidate> candidates;
  std::vector<std::uint64_t> listener_bits;
  std::vector<MethodSet> method_sets;
  std::vector<std::string> custom_methods;
  std::string texts;
  std::uint32_t worst_case = 0;

  /// The node behind the edge, or null.
  [[nodiscard]] const Node* find(std::uint32_t owner, std::string_view text) const noexcept {
    if (text.size() > kLongestText) return nullptr;
    for (std::size_t at = hash_of(key, owner, text) & mask;; at = (at + 1) & mask) {
      const Slot& slot = slots[at];
      if (slot.owner == owner && slot.size == text.size() && text_of(slot) == text) return &slot.node;
      if (slot.owner == 0) return nullptr;
    }
  }

  [[nodiscard]] std::string_view text_of(const Slot& slot) const noexcept {
    if (slot.size <= Slot::kInline) return {slot.text.data(), slot.size};
    return text_at(detail::load<std::uint32_t>(slot.text.data()), slot.size);
  }
  [[nodiscard]] std::string_view text_at(std::size_t offset, std::size_t size) const noexcept {
    return {texts.data() + offset, size};
  }
};

/// The value's method set: its own bit, or that of a custom method; empty for a method that no route names.
MethodSet method_bit(const Index& index, http::Method method, std::string_view token) noexcept;

}  // namespace postern::route
