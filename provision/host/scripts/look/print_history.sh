# shellcheck shell=dash
# needs: print_unconfirmed
# Print the history, the current generation, the switch that waits to be confirmed, and all generations.
# $1: our folder on the host.
set -eu
echo "==> history"
[ ! -e "$1/history" ] || cat "$1/history"
echo "==> current"
current=$(readlink "$1/current" || true)
echo "${current##*/}"
echo "==> unconfirmed"
print_unconfirmed "$1"
echo "==> generations"
for folder in "$1"/generations/*; do
    [ ! -e "$folder/chronyd.service" ] || echo "${folder##*/}"
done
