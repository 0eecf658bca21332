# shellcheck shell=dash
# Append to the history of the generations.

# Succeed if two files are equal, or neither exists.
is_same() { # FILE FILE
    if [ -e "$1" ] || [ -e "$2" ]; then cmp -s "$1" "$2"; fi
}

# Print the parts that differ between two generations.
changed_parts() { # GENERATION GENERATION
    local old new differs
    [ -d "$root/generations/$1" ] || { echo all; return; }
    old=$root/generations/$1 new=$root/generations/$2
    differs=
    [ "$(readlink "$old/build")" = "$(readlink "$new/build")" ] || differs=build
    cmp -s "$old/chrony.conf" "$new/chrony.conf" || differs=$differs,conf
    cmp -s "$old/chrony.keys" "$new/chrony.keys" && is_same "$old/ntskeys" "$new/ntskeys" || differs=$differs,keys
    is_same "$old/nts.crt" "$new/nts.crt" && is_same "$old/nts.key" "$new/nts.key" &&
        is_same "$old/trusted.pem" "$new/trusted.pem" || differs=$differs,certificates
    [ "$(units_of "$old")" = "$(units_of "$new")" ] || differs=$differs,unit
    differs=${differs#,}
    echo "${differs:-nothing}"
}

# Print the units of a generation, without its name.
units_of() { # FOLDER
    grep -v '^Environment=CHRONY_GENERATION=' "$1/chronyd.service" || true
    cat "$1/chronyd.socket" 2>/dev/null || true
}

# Append a line to the history: time, operator, generation, outcome, build, changed parts, and the task that switches. A full
# disk must not stop a rollback.
# Reads: task
record_history() { # GENERATION OUTCOME [GENERATION BEFORE]
    local build differs who
    build=$(readlink "$root/generations/$1/build" 2>/dev/null || true)
    build=${build##*/}
    differs=-
    [ -z "${3-}" ] || differs=$(changed_parts "$3" "$1")
    # One word: names from a directory service may contain blanks.
    who=$(echo "${CHRONY_PROVISION_WHO:-${SUDO_USER:-$(id -un)}}" | tr -c 'A-Za-z0-9_.@\n-' -)
    echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $who $1 $2 ${build:--} $differs $task" >>"$root/history" ||
        echo "$root/history cannot be written" >&2
}

# Append a line to the history, unless an earlier try has recorded the same in the last lines.
record_history_once() { # LINES, and the arguments of record_history
    local lines
    lines=$1
    shift
    tail -n "$lines" "$root/history" 2>/dev/null | grep -q " $1 $2 " || record_history "$@"
}
