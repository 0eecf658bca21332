# shellcheck shell=sh
# Write down what is about to be made outside of our folder, for the day when all is taken away again.
# $1: our folder on the host, $2: the line.
set -eu
mkdir -p "$1"
grep -sqxF "$2" "$1/made" || echo "$2" >>"$1/made"
