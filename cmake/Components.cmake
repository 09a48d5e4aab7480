# Tables of components: every file src/<module>/<prefix>_<name>.cc defines one `k<Name><Suffix>`, and the build writes the
# table of them, so that a new component is one new file.
function(component_table module prefix suffix header type function namespace out)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${module}/${prefix}_*.cc)
  set(declarations "")
  set(entries "")
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    string(REGEX REPLACE "^${prefix}_" "" name ${name})
    string(REPLACE "_" ";" words ${name})
    set(symbol "k")
    foreach(word IN LISTS words)
      string(SUBSTRING ${word} 0 1 first)
      string(SUBSTRING ${word} 1 -1 rest)
      string(TOUPPER ${first} first)
      string(APPEND symbol ${first}${rest})
    endforeach()
    string(APPEND declarations "extern const ${type} ${symbol}${suffix};\n")
    string(APPEND entries "    &${symbol}${suffix},\n")
  endforeach()
  set(table ${PROJECT_BINARY_DIR}/generated/${module}_table.cc)
  file(CONFIGURE OUTPUT ${table} @ONLY CONTENT
"// Written by cmake/Components.cmake.
#include \"${header}\"

#include <array>

namespace ${namespace} {
${declarations}
namespace {
constexpr std::array kTable{
${entries}};
}

std::span<const ${type}* const> ${function}() noexcept { return kTable; }

}  // namespace ${namespace}
")
  set(${out} ${table} PARENT_SCOPE)
endfunction()
