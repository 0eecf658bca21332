# shellcheck shell=dash
# Stop and remove units of ours, and their files. $1: the units, with blanks between them, $2: the folder of their data, or "",
# then the files; those that are not ours stay.
set -eu
units=$1 folder=$2
shift 2
# shellcheck disable=SC2086 # words
systemctl -q disable $units || true
# The last one first: a timer would start its service again.
for unit in $units; do last_first="$unit ${last_first-}"; done
for unit in $last_first; do systemctl stop "$unit" || true; done
for file; do
    if [ ! -L "$file" ] && grep -qs '^# Managed by chrony-provision' "$file"; then rm -f "$file"; fi
done
[ -z "$folder" ] || rm -rf "$folder"
systemctl daemon-reload
