# shellcheck shell=dash
# Compile chrony and install it into ./stage. $1: jobs.
set -eu
top=$PWD
cd chrony-src/*/
make -j "$1" chronyd chronyc
make install DESTDIR="$top/stage"
