# shellcheck shell=dash
# Move an uploaded file to its final path. $1: the upload; $2: path, $3: mode, $4: group.
set -eu
umask 077
new=$2.new.$$
trap 'rm -rf "$new" "$1"' EXIT
cp "$1" "$new"
chown "root:$4" "$new"
chmod "$3" "$new"
# A power cut soon after would leave an empty file, for file names are written before contents; and nothing in an empty file says
# that it is ours. A sync that takes no file writes all of them.
sync "$new" 2>/dev/null || sync
mv -T "$new" "$2"
