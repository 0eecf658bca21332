# shellcheck shell=dash
# needs: conflicting_services existing_files as_nobody
# Print the time services that a host has before a deployment, with their whole configuration. $1: our folder on the host;
# $2: "yes" prints keys with their secrets, "no" their ids, types and a short digest of each secret. Lines of output:
#
#  deployed               one of our generations is deployed, or its unit is there; nothing else is printed
#  service=UNIT           begins a service; the unit is empty for a process that no unit has started
#  runs=yes|no            kind=chrony|ntpd|openntpd|ntpd-rs|timesyncd|other    version=LINE
#  word=WORD              of its command line
#  file=PATH              a configuration file; keys=, unit=, override=, environment=: a file of keys, its
#                         unit file, a drop-in, a file of variables
#  own=yes|no             whether the file before is its package's own and unchanged
#  >TEXT                  a line of that file
#  unread=PATH            a file that was not read
#  finished
# shellcheck disable=SC2154
set -u
root=$1
# shellcheck disable=SC2034 # print_file reads it
secrets=$2
cd / || exit 1
# Of a damaged deployment, the one or the other may be left.
if [ -e "$root/current" ] || grep -qs "^ExecStart=$root/current/" /etc/systemd/system/chronyd.service; then
    echo deployed
    exit 0
fi

# Print a property of the service.
# Reads: properties
property() { # NAME
    echo "$properties" | sed -n "s/^$1=//p"
}

# Print the value of a variable of the service: systemd.exec(5), EnvironmentFile= counts more than Environment=.
variable() { # NAME
    local file
    {
        property Environment | tr ' ' '\n'
        property EnvironmentFiles | sed 's/ (ignore_errors=.*//' | while read -r file; do cat "$file" 2>/dev/null; done
    } | sed -n "s/^[[:space:]]*$1=//p" | tail -n 1 | sed "s/^\\([\"']\\)\\(.*\\)\\1[[:space:]]*\$/\\2/"
}

# Print the words of ExecStart=, each on a line, with the values of variables (systemd.service(5), COMMAND LINES).
command_of_unit() {
    local word name
    property ExecStart | sed -n '1 { s/.*argv\[\]=//; s/ ; ignore_errors=.*//; p; }' | tr ' ' '\n' | while read -r word; do
        name=${word#\$}
        name=${name#\{}
        name=${name%\}}
        case $word:$name in
            \$*:*[!A-Za-z0-9_]*) echo "$word" ;;
            \$*) variable "$name" | tr ' ' '\n' | sed '/^$/d' ;;
            *) echo "$word" ;;
        esac
    done
}

kind_of() { # UNIT PROGRAM
    case $1:${2##*/} in
        *:chronyd* | chrony.service:* | chronyd.service:*) echo chrony ;;
        openntpd.service:* | *:openntpd) echo openntpd ;;
        *:ntpd | ntp.service:* | ntpd.service:* | ntpsec.service:*) echo ntpd ;;
        *:ntp-daemon | ntpd-rs.service:*) echo ntpd-rs ;;
        *:systemd-timesyncd | systemd-timesyncd.service:*) echo timesyncd ;;
        *) echo other ;;
    esac
}

# Print the version of a program, which runs as an account that owns nothing.
version_of() { # KIND PROGRAM
    case $1 in
        timesyncd) set -- "$1" systemctl ;;
        other | openntpd) return ;;
    esac
    # The program of the unit may be a script that starts it.
    case $1:${2##*/} in
        chrony:chronyd | ntpd:ntpd | *:ntp-daemon | *:systemctl) ;;
        chrony:*) set -- "$1" chronyd ;;
        ntpd:*) set -- "$1" ntpd ;;
        *) return ;;
    esac
    as_nobody timeout 5 "$2" --version </dev/null 2>&1 | head -n 1 | cut -c 1-200
}

# Print the last argument of an option in a command line with one word on each line.
option() { # LETTER WORDS
    echo "$2" | awk -v letter="$1" '
        NR == 1 { next }
        awaited { value = $0; awaited = 0; next }
        $0 ~ "^-[A-Za-z0-9]*" letter "$" { awaited = 1; next }
        index($0, "-" letter) == 1 { value = substr($0, 3) }
        END { print value }'
}

# Print the file that is written in the program as its default, or otherwise the first of some that exists.
default_file() { # PROGRAM FILE...
    local program path
    program=$1
    shift
    {
        grep -saoE "/[A-Za-z0-9._/-]*/${1##*/}" "$program"
        printf '%s\n' "$@"
    } | while read -r path; do
        if [ -e "$path" ]; then echo "$path"; break; fi
    done
}

# Print the files of a service.
# Reads: newline
print_configuration() { # KIND PROGRAM WORDS
    local main given usual
    case $1 in
        chrony)
            # With directives on its command line, chronyd reads no file.
            given=$(echo "$3" | awk 'NR == 1 { next } skip { skip = 0; next } /^-[A-Za-z0-9]*[fFlLPtu]$/ { skip = 1; next } !/^-/')
            [ -z "$given" ] || return 0
            main=$(option f "$3")
            [ -n "$main" ] || main=$(default_file "$2" /etc/chrony/chrony.conf /etc/chrony.conf)
            print_with_included "$main"
            ;;
        ntpd)
            main=$(option c "$3")
            usual=$(default_file "$2" /etc/ntpsec/ntp.conf /etc/ntp.conf)
            [ -n "$main" ] || main=$usual
            # A hook of a DHCP client writes a file in /run: the usual one, but for its servers.
            case $main in /run/* | /var/run/*) main=$main$newline$usual ;; esac
            print_with_included "$main$newline$(expanded '/etc/ntpsec/ntp.d/*.conf')$newline$(expanded '/etc/ntp.d/*.conf')"
            ;;
        openntpd)
            main=$(option f "$3")
            print_file file "${main:-$(default_file "$2" /etc/openntpd/ntpd.conf /etc/ntpd.conf)}"
            ;;
        ntpd-rs)
            main=$(option c "$3")
            print_file file "${main:-/etc/ntpd-rs/ntp.toml}"
            ;;
        timesyncd) print_timesyncd ;;
    esac
}

# Print a service, or with an empty unit, a process.
# Reads: newline proc processes
# Sets: properties
print_service() { # UNIT RUNS PID
    local pid words program kind file
    pid=$3
    properties=
    if [ -n "$1" ]; then
        properties=$(systemctl show -p MainPID -p ExecStart -p DropInPaths -p EnvironmentFiles -p Environment \
            -p FragmentPath "$1") || return 1
        pid=$(property MainPID)
        [ "${pid:-0}" != 0 ] || pid=$(echo "$processes" | awk -F '|' -v unit="$1" '$4 == unit { print $2; exit }')
    fi
    words=
    [ -z "$pid" ] || words=$(tr '\0\n' '\n ' 2>/dev/null <"$proc/$pid/cmdline") || words=
    if [ -n "$words" ]; then
        program=$(readlink "$proc/$pid/exe") || program=
        program=${program%" (deleted)"}
    else
        words=$(command_of_unit)
        program=${words%%"$newline"*}
    fi
    kind=$(kind_of "$1" "$program")
    echo "service=$1"
    echo "runs=$2"
    echo "kind=$kind"
    echo "version=$(version_of "$kind" "$program")"
    echo "$words" | head -c 20000 | sed -n 's/^/word=/p'
    file=$(property FragmentPath)
    case $file in
        /etc/* | /usr/local/*) print_file unit "$file" ;;
        /run/*) ;;
        # Where nothing tells who has written a file, that of a vendor's folder is the vendor's.
        *) if [ -e /var/lib/dpkg/status ] || command -v rpm >/dev/null 2>&1; then print_file unit "$file"; fi ;;
    esac
    # The paths of drop-ins are separated by blanks.
    for file in $(property DropInPaths); do print_file override "$file"; done
    for file in $(property EnvironmentFiles | sed 's/ (ignore_errors=.*//'); do print_file environment "$file"; done
    print_configuration "$kind" "$program" "$words"
}

look_around || exit 1
found=$(classify) || exit 1
# classify leaves out chronyd.service, which is ours on a host with a deployment.
packaged=$(echo "$shown" | awk -F '=' '
    $0 == "" { exit }
    { value[$1] = $2 }
    END {
        if (value["Id"] == "chronyd.service")
            print value["Id"] "|" value["LoadState"] "|" value["ActiveState"] "|" value["UnitFileState"] "||"
    }')
listed=$(printf '%s\n%s\n' "$packaged" "$found" | awk -F '|' '
    $1 == "process" { print "|yes|" $2; next }
    $1 !~ /\.service$/ || $2 != "loaded" { next }
    $3 !~ /^(inactive|failed)?$/ { print $1 "|yes|"; next }
    $4 ~ /^enabled/ || $6 != "" { print $1 "|no|" }' | sort -t '|' -k 2,2r -s)
for one in $listed; do
    rest=${one#*|}
    print_service "${one%%|*}" "${rest%%|*}" "${rest#*|}" || exit 1
done
echo finished
