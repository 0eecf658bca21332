# shellcheck shell=sh
# Print what is current and what runs. $1: the link to the current generation, $2: our unit file.
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
service=$(systemctl show -p ActiveState -p UnitFileState -p NeedDaemonReload -p MainPID chronyd.service)
echo "$service" |
    sed 's/^ActiveState=/daemon=/; s/^UnitFileState=/at boot=/; s/^NeedDaemonReload=/unit reload=/; s/^MainPID=/pid=/'
pid=$(echo "$service" | sed -n 's/^MainPID=//p')
if [ -d "/proc/$pid/fd" ]; then
    echo "running generation=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^CHRONY_GENERATION=//p')"
    # Our folder may lie behind a link, as /opt does where /usr is read-only; the kernel tells the path without.
    real=$(readlink -f "${1%/*}")
    program=$(readlink "/proc/$pid/exe")
    case $program in "$real"/*) program=${1%/*}/${program#"$real"/} ;; esac
    echo "executable=$program"
fi
