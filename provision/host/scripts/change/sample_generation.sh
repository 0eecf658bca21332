# shellcheck shell=dash
# Create ./generation from a build, a chrony.conf, and new keys for this test only. $1: the build, $2: the text of
# chrony.conf, then id and type of each key. No key leaves the folder.
set -eu
umask 077
mkdir generation
ln -s "$1" generation/build
printf '%s\n' "$2" >generation/chrony.conf
shift 2
while [ $# -gt 0 ]; do
    generation/build/bin/chronyc keygen "$1" "$2"
    shift 2
done >generation/chrony.keys
