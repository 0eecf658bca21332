# shellcheck shell=dash
# needs: print_unconfirmed
# Print the switch that waits to be confirmed, and the current generation. $1: our folder on the host.
set -eu
print_unconfirmed "$1"
current=$(readlink "$1/current" || true)
echo "current=${current##*/}"
