# shellcheck shell=dash
# Enable units and start them anew. $@: the units.
set -eu

# Print why a unit did not start: what its program said last, or else what systemd knows.
reason() { # UNIT
    local said
    said=$(journalctl -q --no-pager -b -n 20 -u "$1" 2>/dev/null | grep -v ' systemd\[' | tail -n 1 |
        sed 's/^.*\]: //')
    if [ -n "$said" ]; then echo "$said"; else systemctl status --no-pager --lines=0 "$1"; fi
}

systemctl daemon-reload
systemctl -q enable "$@"
for unit; do
    systemctl restart "$unit" || { reason "$unit" >&2; exit 1; }
done
