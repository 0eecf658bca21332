# shellcheck shell=dash
# needs: can_write
# Print the links to be made: the path is free, or has a link of ours to another target. Paths that cannot be written to,
# for example because /usr is read-only, are left out. A program of others at such a path is printed as "other PATH".
# $1: our folder, $2: a path that comes before a link's in PATH, then link and target in turn.
set -eu
root=$1
if [ -e "$2" ] || [ -L "$2" ]; then echo "other $2"; fi
shift 2
while [ $# -gt 0 ]; do
    there=$(readlink "$1" || true)
    case $there in
        "$2") ;;
        "$root"/*) ! can_write "$1" || echo "$1" ;;
        *)
            if [ ! -e "$1" ] && [ ! -L "$1" ]; then
                ! can_write "$1" || echo "$1"
            else
                case $1 in */chronyc | */chronyd) echo "other $1" ;; esac
            fi
            ;;
    esac
    shift 2
done
