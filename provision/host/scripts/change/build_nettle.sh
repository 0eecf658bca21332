# shellcheck shell=dash
# Build a static libnettle into ./nettle. $1: tarball, $2: its sha256, $3: jobs, then the options of configure.
set -eu
tarball=$1 jobs=$3
echo "$2  $1" | sha256sum -c - >/dev/null 2>&1 || { echo "$1 is not the tarball that was sent" >&2; exit 1; }
shift 3
mkdir nettle-src nettle
tar -xzf "$tarball" --no-same-owner -C nettle-src
prefix=$PWD/nettle
cd nettle-src/*/
./configure --prefix="$prefix" --libdir="$prefix/lib" "$@"
make -j "$jobs" libnettle.a
make install-headers install-static install-pkgconfig
