# shellcheck shell=dash
# needs: ask_chronyc nts_files source_faults state
# Print the state of chronyd, its clock and its sources, as chronyc's CSV. No key material: of keys only ids.
# $1: our folder on the host.
chronyc=$1/current/build/bin/chronyc
[ -x "$chronyc" ] || { echo "==> not deployed"; exit 0; }
pid=$(systemctl show -p MainPID chronyd.service) || exit 1
pid=${pid#MainPID=}
echo "==> generation"
[ ! -d "/proc/$pid/fd" ] || tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^CHRONY_GENERATION=//p'
echo "==> executable"
readlink "/proc/$pid/exe"
show_sources "$chronyc" "$pid"
show_nts_files "$1"
show_state "$1" "$chronyc" || exit 1
echo "==> finished"
