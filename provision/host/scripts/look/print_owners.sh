# shellcheck shell=dash
# Print owner and mode of all paths that decide which files root finds in a folder, as lines "owner=UID MODE PATH": the
# folders above it, also those of symlinks, and the files directly in it. Needs no root. $1: the folder, which need not
# exist.
set -u

# Set "way" to the folders on the path to $1, one a line, and "end" to the last of them: the folder itself, if it exists.
# Sets: end way
follow() { # FOLDER
    local rest links name target
    end='' way=/ rest=$1/ links=0
    while [ -n "$rest" ]; do
        name=${rest%%/*}
        rest=${rest#*/}
        case $name in
            '' | .) continue ;;
            ..) end=${end%/*}; continue ;;
        esac
        if [ -L "$end/$name" ]; then
            # path_resolution(7): Linux also gives up after 40.
            links=$((links + 1))
            [ "$links" -le 40 ] || return
            target=$(readlink "$end/$name")
            case $target in /*) end='' ;; esac
            rest=$target/$rest
        elif [ -e "$end/$name" ]; then
            end=$end/$name
            way="$way
$end"
        else
            return
        fi
    done
}

follow "$1"
IFS='
'
set -f
# By name, for a login that may enter a folder need not be allowed to list it.
# shellcheck disable=SC2086 # a word for each line
set -- $way "$end/switch" "$end/history" "$end/made" "$end/unconfirmed" "$end/builds" "$end/generations" "$end/before" \
    "$end/locks" "$end/work"
for path; do
    if [ -e "$path" ] && [ ! -L "$path" ]; then set -- "$@" "$path"; fi
    shift
done
stat -c 'owner=%u %a %n' "$@"
