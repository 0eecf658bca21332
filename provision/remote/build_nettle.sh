# shellcheck shell=sh
# Build a static libnettle into ./nettle. $1: tarball, $2: jobs, then the options of configure.
set -eu
tarball=$1 jobs=$2
shift 2
mkdir nettle-src nettle
tar -xzf "$tarball" --no-same-owner -C nettle-src
prefix=$PWD/nettle
cd nettle-src/*/
./configure --prefix="$prefix" --libdir="$prefix/lib" "$@"
make -j "$jobs" libnettle.a
make install-headers install-static install-pkgconfig
