# shellcheck shell=sh
# A function: whether something may be put at a path.
can_write() { # is the nearest folder that there is
    folder=${1%/*}
    until [ -e "${folder:-/}" ]; do folder=${folder%/*}; done
    [ -w "${folder:-/}" ]
}
