# shellcheck shell=dash
# Print of each of our files its digest, or that it is "missing" or "foreign", because it is not ours; of each unit whether it
# is "enabled", and whether it is "active"; and what is "lost". $1: units, with blanks between them, $2: sh that prints what is
# lost, or "", then the files.
set -eu
units=$1 lost=$2 ours=
shift 2
for file; do
    if [ ! -e "$file" ] && [ ! -L "$file" ]; then
        echo "file $file missing"
    elif [ -L "$file" ] || ! grep -qs '^# Managed by chrony-provision' "$file"; then
        echo "file $file foreign"
    else
        digest=$(sha256sum <"$file")
        echo "file $file ${digest%% *}"
        ours=1
    fi
done
# Without files of ours, their units are not asked for: each question takes a few milliseconds.
[ -n "$ours" ] || exit 0
for unit in $units; do
    enabled=disabled active=inactive
    if systemctl -q is-enabled "$unit" 2>/dev/null; then enabled=enabled; fi
    if systemctl -q is-active "$unit"; then active=active; fi
    echo "unit $unit $enabled $active"
done
[ -z "$lost" ] || sh -c "$lost"
