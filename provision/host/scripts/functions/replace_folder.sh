# shellcheck shell=dash
# Replace a folder by another one, in a folder that only root may write to.
replace_folder() { # NEW, PLACE
    chown 0:0 "${2%/*}" && chmod 0755 "${2%/*}" || return 1
    if [ -e "$2" ] || [ -L "$2" ]; then
        mv -T "$2" "$2.broken.$$" || return 1
    fi
    mv -T "$1" "$2" || return 1
    # Last, for a file in it may be immutable (chattr +i) or a mount point; that is no reason to refuse the new one.
    rm -rf "$2.broken.$$" || echo "$2.broken.$$ cannot be removed: see lsattr and mount" >&2
}
