# shellcheck shell=sh
# Print what is current and what runs, and the other time daemons. $1: the link to the current generation, $2: our unit
# file. Stands behind others.sh.
set -eu
echo "current=$(readlink "$1" || true)"
if [ -L "$2" ]; then
    echo "unit file=a symlink"
elif [ -f "$2" ]; then
    digest=$(sha256sum <"$2")
    echo "unit file=${digest%% *}"
else
    echo "unit file=missing"
fi
shown=$(show_services chronyd.service chrony.service)
# Our unit is the first, whatever its name: that may be an alias of another.
service=${shown%%"

"*}
echo "$service"
pid=${service##*MainPID=}
pid=${pid%%[!0-9]*}
if [ -d "/proc/$pid/fd" ]; then
    echo "running generation=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^CHRONY_GENERATION=//p')"
    # Our folder may lie behind a link, as /opt does where /usr is read-only; the kernel tells the path without.
    real=$(cd "${1%/*}" 2>/dev/null && pwd -P) || real=${1%/*}
    program=$(readlink "/proc/$pid/exe")
    case $program in "$real"/*) program=${1%/*}/${program#"$real"/} ;; esac
    echo "executable=$program"
fi
echo "$shown" | tell_others
