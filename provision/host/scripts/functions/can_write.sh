# shellcheck shell=dash
# Succeed if a file can be created at a path: the nearest existing folder above it is writable.
can_write() { # PATH
    local folder
    folder=${1%/*}
    until [ -e "${folder:-/}" ]; do folder=${folder%/*}; done
    [ -w "${folder:-/}" ]
}
