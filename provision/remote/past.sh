# shellcheck shell=sh
# Print the history, the current generation, and the generations that are there. $1: our folder on the host.
set -eu
echo "==> history"
[ ! -e "$1/history" ] || cat "$1/history"
echo "==> current"
current=$(readlink "$1/current" || true)
echo "${current##*/}"
echo "==> generations"
for folder in "$1"/generations/*; do
    [ ! -e "$folder/chronyd.service" ] || echo "${folder##*/}"
done
