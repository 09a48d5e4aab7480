# What a build may choose, and the flags that every target of ours shares (through postern_flags).

option(POSTERN_TESTS "Build tests/" ON)
option(POSTERN_BENCH "Build bench/" ON)
option(POSTERN_FUZZ "Build libFuzzer targets (clang only); the corpus replay is always built" OFF)
option(POSTERN_WERROR "Warnings are errors" ON)
set(POSTERN_SANITIZE "" CACHE STRING "Empty, 'address,undefined' or 'thread'")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)  # clang-tidy and editors read it

# Line tables only: enough for a stack trace and perf, a fifth of the link time and size of full -g.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")

# A precompiled header makes ccache miss unless it may trust defines and timestamps of that header.
find_program(POSTERN_CCACHE ccache)
if(POSTERN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${POSTERN_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${POSTERN_CCACHE})
endif()

add_library(postern_flags INTERFACE)
target_include_directories(postern_flags INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
target_compile_options(postern_flags INTERFACE
  -Wall -Wextra $<$<COMPILE_LANGUAGE:CXX>:-Wshadow;-Wconversion;-Wnon-virtual-dtor>
  $<$<BOOL:${POSTERN_WERROR}>:-Werror>
  -fPIE)  # not CMake's POSITION_INDEPENDENT_CODE: that is -fPIC for object libraries, which hinders inlining
target_link_options(postern_flags INTERFACE -pie -Wl,--as-needed)
target_compile_definitions(postern_flags INTERFACE POSTERN_VERSION="${PROJECT_VERSION}")
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # ccache and a PCH agree under clang only when the header's time is left out of it.
  target_compile_options(postern_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>)
endif()

if(POSTERN_SANITIZE)
  target_compile_options(postern_flags INTERFACE
    -fsanitize=${POSTERN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(postern_flags INTERFACE -fsanitize=${POSTERN_SANITIZE})
  if(POSTERN_SANITIZE MATCHES "undefined")
    # The vptr check probes memory through a pipe; out of descriptors (which a test provokes) it calls good objects bad.
    target_compile_options(postern_flags INTERFACE -fno-sanitize=vptr)
  endif()
  if(POSTERN_FUZZ)
    # What a target calls must be seen by libFuzzer as well, or it searches blindly.
    target_compile_options(postern_flags INTERFACE -fsanitize=fuzzer-no-link)
  endif()
  if(POSTERN_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(postern_flags INTERFACE -Wno-tsan)  # "fences are not modelled": Asio has some
  endif()
else()
  # Hardening stays out of sanitizer builds: FORTIFY's checked functions hide calls from the interceptors.
  # -U first, because Ubuntu's compiler predefines another level.
  target_compile_options(postern_flags INTERFACE -fstack-protector-strong
    $<$<CONFIG:Release>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>)
  target_link_options(postern_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
