# shellcheck shell=sh
# Make links where nothing is, or where a link of ours leads elsewhere. $1: our folder, then link and target in turn.
set -eu
umask 022
root=$1
shift
while [ $# -gt 0 ]; do
    there=$(readlink "$1" || true)
    if can_write "$1"; then
        case $there in
            "$root"/*) rm "$1" ;;
        esac
        if [ ! -e "$1" ] && [ ! -L "$1" ]; then
            # For the day when all is taken away again.
            [ -e "${1%/*}" ] || echo "folder ${1%/*}" >>"$root/made"
            mkdir -p "${1%/*}"
            ln -s "$2" "$1"
        fi
    fi
    shift 2
done
