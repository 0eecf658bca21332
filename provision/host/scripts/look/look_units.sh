# shellcheck shell=dash
# Print the state of files of ours and of their units. $1: the units, with blanks between them, $2: sh that prints "no-effect WHY",
# or "", then the files.
#
#  file PATH STATE       the SHA-256 of our file; missing; or foreign, because another file is in its place
#  unit NAME STATES      enabled or disabled, and active or inactive; only if one of our files is there
#  no-effect WHY         why the units have no effect, although they may be active
set -eu
units=$1 effect_look=$2 ours=
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
[ -z "$effect_look" ] || sh -c "$effect_look"
