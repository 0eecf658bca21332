# shellcheck shell=dash
# Unpack chrony and configure it. $1: tarball, $2: its sha256, $3: "static" or "system", $4: flags for the preprocessor,
# $5: for the linker, then the options of configure.
# The output of configure also goes to ./configure.log, for its config.log does not contain the results.
set -eu
tarball=$1 nettle=$3 cppflags=$4 ldflags=$5
echo "$2  $1" | sha256sum -c - >/dev/null 2>&1 || { echo "$1 is not the tarball that was sent" >&2; exit 1; }
shift 5
mkdir chrony-src
tar -xzf "$tarball" --no-same-owner -C chrony-src
if [ "$nettle" = static ]; then
    PKG_CONFIG_PATH=$PWD/nettle/lib/pkgconfig
    CPPFLAGS=-I$PWD/nettle/include
    LDFLAGS=-L$PWD/nettle/lib
    export PKG_CONFIG_PATH
fi
# CFLAGS must stay unset, or configure leaves out its hardening.
CPPFLAGS="${CPPFLAGS:+$CPPFLAGS }$cppflags" LDFLAGS="${LDFLAGS:+$LDFLAGS }$ldflags"
export CPPFLAGS LDFLAGS
cd chrony-src/*/
status=0
./configure "$@" >../../configure.log 2>&1 || status=$?
cat ../../configure.log
# The caller evaluates the log, also of a configure that failed.
echo "configure ended with exit status $status" >&2
