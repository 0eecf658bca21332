# shellcheck shell=dash
# Enable units and start them anew. $@: the units.
set -eu
systemctl daemon-reload
systemctl -q enable "$@"
for unit; do
    systemctl restart "$unit" || { systemctl status --no-pager --lines=5 "$unit" >&2; exit 1; }
done
