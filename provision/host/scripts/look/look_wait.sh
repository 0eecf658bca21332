# shellcheck shell=dash
# Print the digest of the unit that waits for the clock, and whether it starts at boot; "missing"; or "foreign" if the unit
# is not ours. $1: its path.
set -eu
[ -e "$1" ] || [ -L "$1" ] || { echo missing; exit; }
grep -qs '^# Managed by chrony-provision' "$1" || { echo foreign; exit; }
digest=$(sha256sum <"$1")
enabled=disabled
[ ! -L "${1%/*}/multi-user.target.wants/${1##*/}" ] || enabled=enabled
echo "${digest%% *} $enabled"
