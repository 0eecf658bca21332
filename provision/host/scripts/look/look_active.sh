# shellcheck shell=dash
# needs: conflicting_services missing_folders
# Print the current generation, the running process and the other time services.
# $1: the link to the current generation, $2: our unit file.
# shellcheck disable=SC2154
set -eu
root=${1%/*}
echo "current=$(readlink "$1" || true)"
if [ -L "$2" ]; then
    echo "unit file=a symlink"
elif [ -f "$2" ]; then
    digest=$(sha256sum <"$2")
    echo "unit file=${digest%% *}"
else
    echo "unit file=missing"
fi
# A socket unit of the administrator counts as none: a generation without one leaves it alone, and one with it is refused before.
socket=${2%.service}.socket
if grep -qs '^# Managed by chrony-provision' "$socket"; then
    digest=$(sha256sum <"$socket")
    echo "socket unit=${digest%% *}"
    echo "socket=$(systemctl is-active chronyd.socket || true)"
else
    echo "socket unit=none"
    echo "socket=none"
fi
look_around
# Our unit is the first in the output; it may be listed by another name, as an alias.
service=${shown%%"

"*}
echo "$service" | grep -v '^ExecStart='
pid=${service##*MainPID=}
pid=${pid%%[!0-9]*}
if [ -d "/proc/$pid/fd" ]; then
    echo "running generation=$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | sed -n 's/^CHRONY_GENERATION=//p')"
    # Our folder may be behind a symlink, as /opt is if /usr is read-only; the kernel has the resolved path.
    real=$(cd "$root" 2>/dev/null && pwd -P) || real=$root
    # The process may have ended meanwhile.
    program=$(readlink "/proc/$pid/exe") || program=
    case $program in "$real"/*) program=$root/${program#"$real"/} ;; esac
    echo "executable=$program"
fi
if [ -e "$root/current/chronyd.service" ]; then
    echo "missing folders=$(missing_folders "$root/current/chronyd.service" | tr '\n' ' ')"
fi
classify
