# shellcheck shell=dash
# needs: make_libnettle
# Build a static libnettle with what chrony needs of it into ./nettle.
# $1: tarball, $2: its sha256, $3: jobs, $4: the tarball of chrony, then the options of configure.
set -eu
tarball=$1 jobs=$3 chrony=$4
echo "$2  $1" | sha256sum -c - >/dev/null 2>&1 || { echo "$1 is not the tarball that was sent" >&2; exit 1; }
shift 4
mkdir nettle-src nettle chrony-names
tar -xzf "$tarball" --no-same-owner -C nettle-src
tar -xzf "$chrony" --no-same-owner -C chrony-names
top=$PWD
prefix=$top/nettle
cd nettle-src/*/
./configure --prefix="$prefix" --libdir="$prefix/lib" "$@"
make_libnettle "$jobs" "$top"/chrony-names/*/
