# Sourced after build.sh: the environment in which a sanitizer build runs its tests.

# with_sanitizer_options FUNCTION ARGS...: exit code 86 belongs to no one else, so that a harness can tell a report from
# an ordinary failure; abort_on_error stays off, because a core dump of a sanitized process is huge. PATIENCE stretches the
# harness's timeouts, since everything takes several times as long; SANITIZED: memory that the process takes says nothing,
# since AddressSanitizer holds back what was freed.
with_sanitizer_options() {
  ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1:exitcode=86 \
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=86 \
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:exitcode=86 \
    POSTERN_E2E_PATIENCE=4 POSTERN_SANITIZED=1 "$@"
}
