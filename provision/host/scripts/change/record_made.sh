# shellcheck shell=dash
# Record an object that is about to be created outside of our folder, for uninstall. $1: our folder on the host, $2: the
# line.
set -eu
mkdir -p "$1"
grep -sqxF "$2" "$1/made" || echo "$2" >>"$1/made"
