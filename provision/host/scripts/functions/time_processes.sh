# shellcheck shell=dash
# Find the processes that may set the clock of this host or answer NTP clients, except our own. The caller assigns "root",
# our folder on the host.
# shellcheck disable=SC2154
proc=/proc
# Programs that steer or step the clock; an extended regular expression.
time_programs='chronyd|ntpd|openntpd|ntp-daemon|systemd-timesyncd|timemaster|phc2sys|ptp4l|ptpd|ptpd2|sfptpd|statime'
time_programs="$time_programs|statime-linux|ntimed-client|htpdate|tlsdate|tlsdated|ntpdate|ntpdate-debian|ntpclient|rdate"
# Programs of root that set the clock besides their main work, such as the network, which a switch must not stop.
side_programs='connmand|VBoxService'

# Print "process|PID|program|unit|reasons|arguments" for each process of a time program, and for each process of an account
# other than root, or of a side program, that may set the clock: capabilities(7), CAP_SYS_TIME is bit 25. Reasons: clock,
# capability, pidfile.
# Reads: root
time_processes() {
    local real pid reason program
    real=$(cd "$root" 2>/dev/null && pwd -P) || real=$root
    {
        # shellcheck disable=SC2012 # a readlink for each process would take a second
        ls -l "$proc"/[0-9]*/exe
        grep -HE '^(Name|Uid|CapEff):' "$proc"/[0-9]*/status
    } 2>/dev/null | awk -v programs="^($time_programs)\$" -v side="^($side_programs)\$" -v ours="$real/builds/" '
        / -> / {
            path = pid = $0
            sub(/^.*\/exe -> /, "", path)
            sub(/\/exe -> .*/, "", pid)
            sub(/.*\//, "", pid)
            program[pid] = path
            next
        }
        {
            split($0, part, /[:\t ]+/)
            sub(/\/status$/, "", part[1])
            sub(/.*\//, "", part[1])
            value[part[1], part[2]] = part[2] == "Uid" ? part[4] : part[3]
        }
        END {
            for (pid in program) {
                name = path = program[pid]
                sub(/ \(deleted\)$/, "", name)
                sub(/.*\//, "", name)
                if (name ~ /^(busybox|toybox)$/) name = value[pid, "Name"]
                capabilities = value[pid, "CapEff"]
                may_set = substr(capabilities, length(capabilities) - 6, 1) ~ /[2367abefABEF]/
                # A daemon of our builds is our service or a client; another server is found by its port.
                if (index(path, ours) == 1) continue
                if (name ~ programs) print pid "|" path "|" (may_set ? "clock" : "")
                else if (may_set && (value[pid, "Uid"] != 0 || name ~ side)) print pid "|" path "|capability"
            }
        }' | sort -n | while IFS='|' read -r pid program reason; do describe "$pid" "$program" "$reason"; done
}

# Print a process in the format of time_processes.
describe() { # PID PROGRAM REASON
    local arguments reason
    arguments=$(tr '\0|\n' '   ' 2>/dev/null <"$proc/$1/cmdline") || return 0
    reason=$3
    case $reason in
        clock | capability)
            # A process in another user namespace cannot set the clock (user_namespaces(7)); chronyd -x does not.
            # shellcheck disable=SC3013 # dash, bash and busybox have it
            [ "$proc/$1/ns/user" -ef "$proc/1/ns/user" ] || reason=
            case " $arguments " in *" -x "*) reason= ;; esac
            ;;
    esac
    [ "$(cat /run/chrony/chronyd.pid 2>/dev/null)" != "$1" ] || reason="$reason pidfile"
    echo "process|$1|$2|$(unit_of "$1")|$reason|$arguments"
}

# Print the unit of a process: the first part of its control group's path that is not a slice.
unit_of() { # PID
    awk -F: '
        $1 == 0 || $2 == "name=systemd" {
            count = split($3, part, "/")
            for (i = 1; i <= count; i++) if (part[i] ~ /\.(service|scope)$/) { print part[i]; exit }
        }' "$proc/$1/cgroup" 2>/dev/null || true
}

# Print, in the format of time_processes, each process that listens on the NTP port in this network namespace, except our
# service.
port_holders() { # PID OF OUR SERVICE
    local waiting known left inode pid systemd
    # The inodes of the sockets with local port 123 and no remote port.
    waiting=$(awk '$2 ~ /:007B$/ && $3 ~ /:0000$/ { printf "%s ", $10 }' "$proc/net/udp" "$proc/net/udp6" 2>/dev/null || true)
    [ -n "$waiting" ] || return 0
    known=$(sockets_of "$waiting" "$proc/$1/fd" | cut -d ' ' -f 2 | tr '\n' ' ')
    left=
    for inode in $waiting; do
        case " $known" in *" $inode "*) ;; *) left="$left $inode" ;; esac
    done
    # All processes are searched only now, for a host may have many open files.
    [ -n "$left" ] || return 0
    systemd=$(systemd_with_our_port "$1")
    for pid in $(sockets_of "$left" "$proc"/[0-9]*/fd | cut -d ' ' -f 1 | sort -un); do
        [ "$pid" != "$systemd" ] || continue
        describe "$pid" "$(readlink "$proc/$pid/exe" || true)" port
    done
}

# Print the PID of systemd if it has the NTP port open for our service: the host has our socket unit, and the service does not run.
systemd_with_our_port() { # PID OF OUR SERVICE
    if [ ! -d "$proc/$1/fd" ] && grep -qs '^# Managed by chrony-provision' /etc/systemd/system/chronyd.socket; then echo 1; fi
}

# Print "PID INODE" for each socket in folders of file descriptors.
sockets_of() { # INODES FOLDER...
    local inodes
    inodes=$1
    shift
    # A second argument makes ls print the name before each list.
    # shellcheck disable=SC2012 # folders of numbers
    ls -l "$@" /dev/null 2>/dev/null | awk -v inodes="$inodes" '
        BEGIN { count = split(inodes, inode, " "); for (i = 1; i <= count; i++) wanted[inode[i]] = 1 }
        /^\/.*\/fd:$/ { pid = $0; sub(/\/fd:$/, "", pid); sub(/.*\//, "", pid); next }
        sub(/^.* -> socket:\[/, "") && sub(/\]$/, "") && $0 in wanted { print pid, $0 }'
}
