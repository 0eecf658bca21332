# shellcheck shell=dash
# Move an uploaded file to its final path. $1: the upload; $2: path, $3: mode, $4: group.
set -eu
umask 077
new=$2.new.$$
trap 'rm -rf "$new" "$1"' EXIT
cp "$1" "$new"
chown "root:$4" "$new"
chmod "$3" "$new"
mv -T "$new" "$2"
