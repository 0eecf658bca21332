# shellcheck shell=dash
# needs: ask_chronyc print_unconfirmed source_faults
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
echo "==> unconfirmed"
print_unconfirmed "$1"
echo "==> chrony.conf"
cat "$1/current/chrony.conf" || exit 1
echo "==> key ids"
# Ranges: a file may have 100,000 keys, and this tool sorts it by id.
[ ! -e "$1/current/chrony.keys" ] || awk '
    $1 !~ /^[0-9]+$/ { next }
    n && $1 == last + 1 { last = $1; next }
    n { print first "-" last }
    { first = last = $1; n = 1 }
    END { if (n) print first "-" last }' "$1/current/chrony.keys"
reports=$(for command in tracking sources authdata ntpdata serverstats; do
    echo "==> $command"
    ask_chronyc 10 "$chronyc" -c -n "$command" 2>&1
done)
echo "$reports"
echo "$reports" | show_source_faults "$chronyc" "$pid"
echo "==> sourcestats"
ask_chronyc 10 "$chronyc" -c -n sourcestats 2>&1
# The same sources, by the names in chrony.conf.
echo "==> names"
ask_chronyc 10 "$chronyc" -c -N sources 2>&1
echo "==> finished"
