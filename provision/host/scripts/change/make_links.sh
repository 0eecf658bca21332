# shellcheck shell=dash
# needs: can_write
# Make links at free paths, and correct links of ours with another target. $1: our folder, $2: "replace" to move another
# chronyc or chronyd away until uninstall, or "", $3: a path that comes before a link's in PATH, then link and target in
# turn.
set -eu
umask 022
root=$1 replace=$2
make_way() { # PATH
    [ -n "$replace" ] && { [ -e "$1" ] || [ -L "$1" ]; } && can_write "$1" || return 0
    case $(readlink "$1" || true) in "$root"/*) return 0 ;; esac
    case $1 in */chronyc | */chronyd) ;; *) return 0 ;; esac
    mkdir -p "$root/replaced${1%/*}"
    mv -T "$1" "$root/replaced$1"
}
make_way "$3"
shift 3
while [ $# -gt 0 ]; do
    make_way "$1"
    there=$(readlink "$1" || true)
    if can_write "$1"; then
        case $there in
            "$root"/*) rm "$1" ;;
        esac
        if [ ! -e "$1" ] && [ ! -L "$1" ]; then
            # Record the folder for uninstall.
            [ -e "${1%/*}" ] || echo "folder ${1%/*}" >>"$root/made"
            mkdir -p "${1%/*}"
            ln -s "$2" "$1"
        fi
    fi
    shift 2
done
