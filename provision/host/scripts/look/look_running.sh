# shellcheck shell=dash
# needs: print_tree start_stamp ask_chronyc
# Print the process of chronyd.service, and its answers to commands of chronyc.
# $1: our folder, $2: our unit file, $3: the commands, a line each.
pid=$(systemctl show -p MainPID chronyd.service) || exit 1
pid=${pid#MainPID=}
echo "==> process"
[ -d "/proc/$pid/fd" ] || exit 0
echo "generation=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^CHRONY_GENERATION=//p')"
program=$(sha256sum <"/proc/$pid/exe")
installed=$(sha256sum <"$1/current/build/sbin/chronyd")
echo "program=${program%% *}"
echo "installed=${installed%% *}"
if [ -e "$1/started" ]; then
    echo "started=$(cat "$1/started")"
    echo "now=$(start_stamp "$1")"
fi
echo "==> unit"
tree "$2"
echo "==> answers"
printf '%s\n' "$3" | ask_chronyc 5 "$1/current/build/bin/chronyc" -c -N 2>&1
exit 0
