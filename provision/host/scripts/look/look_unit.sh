# shellcheck shell=dash
# Print chronyd's unit as systemd has loaded it, as "name=value" lines: its files, each drop-in with its text, the effective
# properties, and the properties of the process. $1: the path of our unit file, $2: the unit of the current generation,
# $3: the script print_process, then the names of properties.
set -u
LC_ALL=C
export LC_ALL
unit_file=$1 generation_unit=$2 tell_process=$3
shift 3

# Print a drop-in with its text. Of two with one name, systemd reads the first (systemd.unit(5)).
# Sets: seen
show_drop_in() { # FILE
    case $seen in *"|${1##*/}|"*) return ;; esac
    seen="$seen|${1##*/}|"
    echo "drop-in=$1"
    # A link to /dev/null disables a drop-in of the same name. No drop-in is long.
    # The last line of a file may have no newline, and the next line must not become a part of it.
    [ ! -f "$1" ] || { head -c 65536 "$1"; echo; } | sed 's/^/text=/'
}

# Sets: seen
show_files() {
    local folders folder name file kind paths
    seen=
    folders=$(systemctl show -p UnitPath)
    for folder in ${folders#UnitPath=}; do
        for name in chronyd.service chronyd.socket; do
            if [ -e "$folder/$name" ]; then echo "file=$folder/$name"; fi
        done
    done
    # A link in such a folder is a dependency: without that unit, ours does not start (systemd.unit(5)). And all that would
    # change the units of the automatic rollback, which a switch writes to /etc/systemd/system.
    for folder in ${folders#UnitPath=}; do
        for file in "$folder"/chrony-undo.service "$folder"/chrony-undo.timer; do
            if [ "$folder" = "${unit_file%/*}" ]; then continue; fi
            if [ -e "$file" ] || [ -L "$file" ]; then echo "undo=$file"; fi
        done
        for file in "$folder"/chronyd.service.requires/*; do
            if [ -e "$file" ] || [ -L "$file" ]; then echo "requires=$file"; fi
        done
        for file in "$folder"/chrony-undo.service.requires/* "$folder"/chrony-undo.timer.requires/*; do
            if [ -e "$file" ] || [ -L "$file" ]; then echo "undo=$file"; fi
        done
        for kind in chrony-undo.service chrony-.service chrony-undo.timer chrony-.timer timer; do
            for file in "$folder/$kind.d"/*.conf; do
                if [ -e "$file" ]; then echo "undo=$file"; fi
            done
        done
    done
    # Nothing of others may change which ports systemd opens.
    for folder in ${folders#UnitPath=}; do
        for file in "$folder"/chronyd.socket.requires/* "$folder"/chronyd.socket.d/*.conf "$folder"/socket.d/*.conf; do
            if [ -e "$file" ] || [ -L "$file" ]; then echo "socket drop-in=$file"; fi
        done
    done
    [ ! -f "${unit_file%.service}.socket" ] || awk '{ print "socket=" $0 }' "${unit_file%.service}.socket"
    # Drop-ins of the unit come before those of all services.
    for kind in chronyd.service.d service.d; do
        for folder in ${folders#UnitPath=}; do
            for file in "$folder/$kind"/*.conf; do
                if [ -e "$file" ]; then show_drop_in "$file"; fi
            done
        done
    done
    # An alias of the unit has its own drop-ins. systemd prints their paths if it has loaded our unit.
    echo "$properties" | grep -qxF "FragmentPath=$unit_file" || return 0
    paths=$(echo "$properties" | sed -n 's/^DropInPaths=//p')
    for file in $paths; do show_drop_in "$file"; done
}

for property; do
    shift
    set -- "$@" -p "$property"
done
properties=$(systemctl show "$@" chronyd.service)
pid=$(echo "$properties" | sed -n 's/^MainPID=//p')
echo "container=$(cat /run/systemd/container 2>/dev/null)"
show_files
echo "$properties" | sed 's/^/property=/'
[ ! -f "$generation_unit" ] || sed 's/^/unit=/' "$generation_unit"
if [ -d "/proc/$pid/fd" ]; then (set -- "$pid" && eval "$tell_process") | sed 's/^/process=/'; fi
