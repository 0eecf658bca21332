#!/bin/sh
# Activate a generation of chrony: /opt/chrony/switch GENERATION    (ls /opt/chrony/generations)
# Goes back to the generation before when the daemon does not come up and answer.
set -eu
umask 022
root=/opt/chrony
unit=/etc/systemd/system/chronyd.service
wanted=${1:-none}
case $wanted in */* | .*) wanted=none ;; esac
if ! [ -e "$root/generations/$wanted/chronyd.service" ]; then
    echo "usage: $0 GENERATION, one of:" "$root"/generations/* >&2
    exit 2
fi

activate() {
    # "set -e" does not hold inside a condition: each step says so itself. A unit at its place may be a symlink,
    # which Debian's chrony package leaves there: the move replaces it, and never writes through it.
    ln -s "generations/$1" "$root/current.new.$$" &&
        mv -T "$root/current.new.$$" "$root/current" &&
        cp "$root/generations/$1/chronyd.service" "$unit.new.$$" &&
        mv -T "$unit.new.$$" "$unit" &&
        systemctl daemon-reload &&
        systemctl -q enable chronyd.service &&
        systemctl restart chronyd.service &&
        answers
}

# Monitoring over the socket or UDP, whichever chronyc finds open: up to ten seconds.
answers() {
    tries=50
    until "$root/current/build/bin/chronyc" -n tracking >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.2
    done
}

record() {
    echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) ${SUDO_USER:-$(id -un)} $1 $2" >>"$root/history"
}

# Whatever stood at our unit's place before the first deployment is kept for the way back.
if [ ! -e "$root/before/chronyd.service" ] && [ ! -L "$root/before/chronyd.service" ]; then
    if { [ -e "$unit" ] || [ -L "$unit" ]; } && [ ! -e "$root/current" ]; then
        mkdir -p "$root/before"
        cp -P "$unit" "$root/before/chronyd.service"
    fi
fi

previous=$(readlink "$root/current" || true)
previous=${previous##*/}
if activate "$wanted"; then
    record "$wanted" active
    exit 0
fi
record "$wanted" failed
# chronyd's own reason; a chronyd that was killed has none, and then systemd tells.
words=$(journalctl -u chronyd.service -n 20 -o cat --no-pager 2>/dev/null | grep -E 'Fatal error|Could not|code=killed' | tail -n 1 || true)
if [ -n "$previous" ] && [ "$previous" != "$wanted" ] && activate "$previous"; then
    record "$previous" "active again"
    echo "chronyd of generation $wanted did not come up; $previous runs again: ${words:-the journal has no reason}" >&2
else
    echo "chronyd of generation $wanted did not come up: ${words:-see journalctl -u chronyd}" >&2
fi
exit 1
