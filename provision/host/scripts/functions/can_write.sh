# shellcheck shell=dash
# needs: mount_options
# Succeed if a file can be created at a path: the nearest existing folder above it is writable.
can_write() { # PATH
    local folder
    folder=${1%/*}
    until [ -e "${folder:-/}" ]; do folder=${folder%/*}; done
    [ -w "${folder:-/}" ] || return 1
    # The test of BusyBox looks only at the folder's mode, and so says yes to root on a read-only file system.
    case ,$(mount_options "${folder:-/}"), in *,ro,*) return 1 ;; esac
}
