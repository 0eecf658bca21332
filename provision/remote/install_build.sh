# shellcheck shell=sh
# Move a staged build to its place; the receipt is the last thing written.
# $1: the build's folder, $2: where it was staged, $3: configure's log, $4: how to ask for the package that owns the file
# $1, $5: the receipt.
set -eu
prefix=$1 staged=$2 log=$3 owner=$4 receipt=$5
umask 022
new=$prefix.new.$$
trap 'rm -rf "$new"' EXIT
mkdir -p "${prefix%/*}" "$new"
# Without -p: root owns what is installed, whoever built it.
cp -R "$staged/." "$new"
chmod -R u=rwX,go=rX "$new"
cp "$log" "$new/configure.log"
owners "$owner" "$new/sbin/chronyd" "$new/bin/chronyc" >"$new/libraries"
(cd "$new" && sha256sum sbin/chronyd bin/chronyc >sha256sums)
printf '%s\n' "$receipt" >"$new/receipt.json"
if [ -e "$prefix" ]; then
    # It has no good receipt, or we would not be here.
    mv "$prefix" "$prefix.broken.$$"
    rm -rf "$prefix.broken.$$"
fi
mv -T "$new" "$prefix"
