# Runs as a service in the container that scripts/gates/systemd boots, under its systemd: the units, for real.
# A line "ok: ..." or "failed: ..." per check, "done" at the end.
unit=postern.service
config=/etc/postern/postern.toml

ok() { echo "ok: $*"; }
failed() { echo "failed: $*"; }
check() { local name=$1; shift; if "$@" >/dev/null 2>&1; then ok "$name"; else failed "$name ($(state))"; fi; }
of() { systemctl show -P "$1" "$unit"; }
state() { echo "$(of ActiveState)/$(of SubState) result=$(of Result) pid=$(of MainPID) status='$(of StatusText)'"; }
within() {  # SECONDS COMMAND...: true as soon as the command is
  local i n=$(($1 * 10)); shift
  for ((i = 0; i < n; i++)); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
  return 1
}
answers() { timeout 3 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080 && printf "GET / HTTP/1.0\r\n\r\n" >&3 && grep -q 200 <&3'; }
is() { [[ $(of "$1") == "$2" ]]; }
is_another() { [[ $(of MainPID) != 0 && $(of MainPID) != "$1" ]] && is ActiveState active; }

cat >$config <<'TOML'
[[listener]]
name = "public"
address = "127.0.0.1:8080"
[[route]]
name = "all"
path = "/*"
reply = { status = 200, body = "hello" }
TOML
chmod 644 $config
systemctl daemon-reload

check "starts, and says so" systemctl start $unit
check "answers" answers
pid=$(of MainPID)
grep -q '^Uid:[[:space:]]*0[[:space:]]' "/proc/$pid/status" && failed "runs as root" || ok "runs as a user of its own"

check "reloads" systemctl reload $unit
is MainPID "$pid" && ok "the same process" || failed "another process: $(state)"
cp $config /tmp/good && echo nonsense >>$config
systemctl reload $unit >/dev/null 2>&1 && failed "a bad config is reloaded" || ok "a bad config is refused, and systemctl says so"
check "it serves on" answers
cp /tmp/good $config
within 5 is ActiveState active

systemctl kill --kill-whom=main --signal=SIGUSR2 $unit
if within 15 is_another "$pid"; then ok "upgraded: the new process is the service"; else failed "upgrade: $(state)"; fi
check "and answers" answers
within 15 test ! -e "/proc/$pid" && ok "the old process ended" || failed "the old process lives on"
is NRestarts 0 && ok "nothing was restarted" || failed "restarts: $(of NRestarts)"
check "reloads after an upgrade" systemctl reload $unit

pid=$(of MainPID)
kill -KILL "$pid"
within 15 is_another "$pid" && ok "started anew when killed" || failed "not started anew: $(state)"
within 5 answers && ok "and answers" || failed "no answer: $(state)"

check "stops" systemctl stop $unit
is Result success && ok "in good order" || failed "stopped: $(state)"

check "the socket unit listens" systemctl start postern.socket
is ActiveState inactive && ok "the service sleeps" || failed "the service runs already: $(state)"
check "a connection starts the service and is answered" answers
within 10 is ActiveState active && ok "it runs" || failed "it does not: $(state)"
journalctl --sync
journalctl -b -u $unit -o cat | grep -q 'listening on inherited sockets.*listener=public' && ok "on systemd's socket" ||
  failed "not on systemd's socket"
systemctl stop postern.socket $unit

mkdir -p /run/systemd/system/$unit.d
printf '[Service]\nWatchdogSec=2\nRestart=no\n' >/run/systemd/system/$unit.d/watchdog.conf
systemctl daemon-reload
systemctl start $unit
sleep 4
is ActiveState active && ok "feeds the watchdog" || failed "does not feed the watchdog: $(state)"
kill -STOP "$(of MainPID)"
within 15 is Result watchdog && ok "the watchdog ends a frozen process" || failed "frozen: $(state)"
echo done
