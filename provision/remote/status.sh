# shellcheck shell=sh
# Print how the clock stands, for people. $1: our folder on the host.
chronyc=$1/current/build/bin/chronyc
[ -x "$chronyc" ] || { echo "nothing is deployed here yet (there is no $chronyc)" >&2; exit 1; }
"$chronyc" -n tracking && echo && "$chronyc" -n sources
