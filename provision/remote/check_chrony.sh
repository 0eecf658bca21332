# shellcheck shell=sh
# Run chrony's own unit tests. $1: jobs. Exit status 0 proves nothing; the reader counts the lines of results.
set -eu
cd chrony-src/*/
make -j "$1" -C test/unit check
