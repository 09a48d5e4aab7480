// An ordered list of header fields without allocation: duplicates stay, order stays.
// One lives in each head. Lookups are linear: a request has about ten fields.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/field.h"

namespace postern::http {

class Fields {
 public:
  // 100 from the peer (the default limit) and room for those that postern adds.
  static constexpr std::size_t kCapacity = 128;

  Fields() noexcept {}  // leaves the array raw: 5 KiB that nobody needs zeroed per request
  Fields(const Fields& other) noexcept { *this = other; }
  Fields& operator=(const Fields& other) noexcept {
    size_ = other.size_;
    for (std::size_t i = 0; i < size_; ++i) slots_[i] = other.slots_[i];
    return *this;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  void clear() noexcept { size_ = 0; }

  /// False when full: the caller answers 431 or 502.
  bool add(std::string_view name, std::string_view value, FieldId id) noexcept {
    if (size_ == kCapacity) return false;
    slots_[size_++] = Slot{name.data(), value.data(), static_cast<std::uint32_t>(name.size()),
                           static_cast<std::uint32_t>(value.size()), id};
    return true;
  }
  bool add(std::string_view name, std::string_view value) noexcept { return add(name, value, field_id(name)); }
  bool add(FieldId id, std::string_view value) noexcept { return add(field_name(id), value, id); }

  [[nodiscard]] Field operator[](std::size_t i) const noexcept {
    const Slot& s = slots_[i];
    return Field{{s.name, s.name_size}, {s.value, s.value_size}, s.id};
  }
  [[nodiscard]] FieldId id(std::size_t i) const noexcept { return slots_[i].id; }

  /// The first value, or an empty view with a null pointer where there is none.
  [[nodiscard]] std::string_view find(FieldId id) const noexcept;
  [[nodiscard]] std::string_view find(std::string_view name) const noexcept;
  [[nodiscard]] bool has(FieldId id) const noexcept { return find(id).data() != nullptr; }
  [[nodiscard]] std::size_t count(FieldId id) const noexcept;

  /// Removes every field of that name; order of the rest stays.
  void remove(FieldId id) noexcept;
  void remove(std::string_view name) noexcept;
  /// Removes where `condition(Field)` holds, in one pass.
  template <class Condition>
  void remove_if(Condition&& condition) noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < size_; ++i) {
      if (condition((*this)[i])) continue;
      if (kept != i) slots_[kept] = slots_[i];
      ++kept;
    }
    size_ = kept;
  }
  /// Replaces all of that name by one.
  bool set(std::string_view name, std::string_view value) noexcept;

 private:
  struct Slot {
    const char* name;
    const char* value;
    std::uint32_t name_size;
    std::uint32_t value_size;
    FieldId id;
  };
  std::size_t size_ = 0;
  union {  // raw until written
    std::array<Slot, kCapacity> slots_;
  };
};

}  // namespace postern::http
