# shellcheck shell=dash
# needs: ask_chronyc as_nobody
# Print the state of the time services of a host where nothing is deployed, in sections. $1: the programs that run, of
# chrony, ntpd and systemd-timesyncd. Without a program to ask a service, its sections are missing.
echo "==> ntp port"
# A socket with local port 123 and no remote port: proc(5), /proc/net/udp.
cat /proc/net/udp /proc/net/udp6 2>/dev/null |
    awk '$2 ~ /:007B$/ && $3 ~ /:0000$/ { found = 1 } END { print NR == 0 ? "unknown" : found ? "open" : "closed" }'
for program in $1; do
    case $program in
        chrony)
            chronyc=$(command -v chronyc) || continue
            # As CSV. No key material: of keys only ids.
            for command in tracking sources authdata ntpdata serverstats; do
                echo "==> $command"
                ask_chronyc 5 "$chronyc" -c -n "$command" 2>&1
            done
            # The same sources, by the names in the configuration.
            echo "==> names"
            ask_chronyc 5 "$chronyc" -c -N sources 2>&1
            ;;
        ntpd)
            command -v ntpq >/dev/null || continue
            echo "==> ntpq"
            as_nobody timeout 10 ntpq -pnw 2>/dev/null
            ;;
        systemd-timesyncd)
            command -v timedatectl >/dev/null || continue
            echo "==> timesync-status"
            LC_ALL=C timeout 10 timedatectl --no-pager timesync-status 2>/dev/null
            ;;
    esac
done
echo "==> finished"
