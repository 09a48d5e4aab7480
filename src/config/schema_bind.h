// Pointers to members as schema bindings: `integer<&Listener::backlog>`. Used by the schema_*.cc only.
// The void* here are the one place where the table's types meet; each is the struct that the section's `open` gave.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/schema.h"

namespace postern::config::bind {

template <class Member>
struct MemberOf;
template <class Class, class Field>
struct MemberOf<Field Class::*> {
  using Owner = Class;
  using Type = Field;
};

template <auto kMember>
using Owner = typename MemberOf<decltype(kMember)>::Owner;
template <auto kMember>
using Field = typename MemberOf<decltype(kMember)>::Type;

template <auto kMember>
void set_number(void* object, Value value) {
  static_cast<Owner<kMember>*>(object)->*kMember = static_cast<Field<kMember>>(std::get<std::uint64_t>(value));
}
template <auto kMember>
Value get_number(const void* object) {
  return static_cast<std::uint64_t>(static_cast<const Owner<kMember>*>(object)->*kMember);
}

template <auto kMember>
void set_same(void* object, Value value) {
  static_cast<Owner<kMember>*>(object)->*kMember = std::get<Field<kMember>>(std::move(value));
}
template <auto kMember>
Value get_same(const void* object) {
  return static_cast<const Owner<kMember>*>(object)->*kMember;
}

template <auto kMember>
void set_duration(void* object, Value value) {
  static_cast<Owner<kMember>*>(object)->*kMember = Duration(std::get<std::uint64_t>(value));
}
template <auto kMember>
Value get_duration(const void* object) {
  return static_cast<std::uint64_t>((static_cast<const Owner<kMember>*>(object)->*kMember).count());
}

template <auto kMember>
inline constexpr Binding integer{Type::integer, set_number<kMember>, get_number<kMember>};
template <auto kMember>
inline constexpr Binding size{Type::size, set_number<kMember>, get_number<kMember>};
template <auto kMember>
inline constexpr Binding word{Type::word, set_number<kMember>, get_number<kMember>};
template <auto kMember>
inline constexpr Binding duration{Type::duration, set_duration<kMember>, get_duration<kMember>};
template <auto kMember>
inline constexpr Binding boolean{Type::boolean, set_same<kMember>, get_same<kMember>};
template <auto kMember>
inline constexpr Binding string{Type::string, set_same<kMember>, get_same<kMember>};
template <auto kMember>
inline constexpr Binding file_name{Type::file_name, set_same<kMember>, get_same<kMember>};
template <auto kMember>
inline constexpr Binding strings{Type::strings, set_same<kMember>, get_same<kMember>};
template <auto kMember>
inline constexpr Binding name_values{Type::name_values, set_same<kMember>, get_same<kMember>};

inline std::size_t one(const void*) { return 1; }

/// A table whose keys live in the parent's struct itself ([log] in Settings).
constexpr SectionSpec same(std::string_view path, std::string_view doc) {
  SectionSpec spec;
  spec.path = path;
  spec.open = [](void* parent) { return parent; };
  spec.count = one;
  spec.at = [](const void* parent, std::size_t) { return parent; };
  spec.doc = doc;
  return spec;
}

/// A table that is a member struct.
template <auto kMember>
constexpr SectionSpec inside(std::string_view path, std::string_view doc) {
  SectionSpec spec = same(path, doc);
  spec.open = [](void* parent) -> void* { return &(static_cast<Owner<kMember>*>(parent)->*kMember); };
  spec.at = [](const void* parent, std::size_t) -> const void* {
    return &(static_cast<const Owner<kMember>*>(parent)->*kMember);
  };
  return spec;
}

/// A table that is a std::optional member: it exists when the file has it.
template <auto kMember>
constexpr SectionSpec optional(std::string_view path, std::string_view doc) {
  SectionSpec spec = same(path, doc);
  spec.occurs = Occurs::optional;
  spec.open = [](void* parent) -> void* { return &(static_cast<Owner<kMember>*>(parent)->*kMember).emplace(); };
  spec.count = [](const void* parent) -> std::size_t {
    return (static_cast<const Owner<kMember>*>(parent)->*kMember).has_value() ? 1 : 0;
  };
  spec.at = [](const void* parent, std::size_t) -> const void* {
    return &*(static_cast<const Owner<kMember>*>(parent)->*kMember);
  };
  return spec;
}

/// An array of tables that is a std::vector member.
template <auto kMember>
constexpr SectionSpec repeated(std::string_view path, std::string_view doc, bool required = false) {
  SectionSpec spec = same(path, doc);
  spec.occurs = Occurs::repeated;
  spec.open = [](void* parent) -> void* { return &(static_cast<Owner<kMember>*>(parent)->*kMember).emplace_back(); };
  spec.count = [](const void* parent) { return (static_cast<const Owner<kMember>*>(parent)->*kMember).size(); };
  spec.at = [](const void* parent, std::size_t index) -> const void* {
    return &(static_cast<const Owner<kMember>*>(parent)->*kMember)[index];
  };
  spec.required = required;
  return spec;
}

/// The same, for what a config can do without: commented out in the example.
template <auto kMember>
constexpr SectionSpec extra(std::string_view path, std::string_view doc) {
  SectionSpec spec = repeated<kMember>(path, doc);
  spec.in_example = false;
  return spec;
}

}  // namespace postern::config::bind
