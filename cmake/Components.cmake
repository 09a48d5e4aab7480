# Tables of components: every file src/<module>/<prefix><name>.cc defines one `k<Name><Suffix>`, and the build writes the
# table of them, so that a new component is one new file. What they share stands in kinds.{h,cc}.
function(component_table module prefix suffix type out)
  set(namespace postern::${module})
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${module}/${prefix}*.cc)
  list(FILTER files EXCLUDE REGEX "/kinds\\.cc$")
  set(declarations "")
  set(entries "")
  foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME_WE)
    if(prefix)
      string(REGEX REPLACE "^${prefix}" "" name ${name})
    endif()
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
#include \"${module}/kinds.h\"

#include <array>

namespace ${namespace} {
${declarations}
namespace {
constexpr std::array kTable{
${entries}};
}

std::span<const ${type}* const> kinds() noexcept { return kTable; }

}  // namespace ${namespace}
")
  set(${out} ${table} PARENT_SCOPE)
endfunction()
