# shellcheck shell=sh
# Print which generation waits to be confirmed, and which is current. $1: our folder on the host.
set -eu
waiting=
[ ! -e "$1/unconfirmed" ] || waiting=$(sed -n 's/^generation=//p' "$1/unconfirmed")
echo "unconfirmed=$waiting"
current=$(readlink "$1/current" || true)
echo "current=${current##*/}"
