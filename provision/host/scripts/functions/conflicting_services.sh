# shellcheck shell=dash
# needs: time_processes
# Find the other time services of this host by their programs and behaviour, beside our own chronyd. Lines of output:
#
#  NAME.service|load state|active state|unit file state|file|triggers    a service that sets the clock: a switch stops it
#  (the triggers are the timers, sockets and paths that start it, and are active or enabled)
#  process|PID|program|unit|reasons      a process that conflicts with chronyd and does not belong to one of those services
#  suspect|PID|program|unit|reason       a process or file that may set the clock: it is reported, and not changed
# shellcheck disable=SC2154
unit_folders='/etc/systemd/system /run/systemd/system /run/systemd/generator.late /usr/local/lib/systemd/system
    /usr/lib/systemd/system'
[ -L /lib ] || unit_folders="$unit_folders /lib/systemd/system"
list_folders='/etc/systemd /run/systemd /usr/local/lib/systemd /usr/lib/systemd'
cron_files='/etc/crontab /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly /var/spool/cron'
# Scripts that run at boot and when an interface comes up: rc-local.service, ifupdown, dhclient, NetworkManager, networkd.
hook_files='/etc/rc.local /etc/rc.d/rc.local /etc/network/if-up.d /etc/dhcp /etc/NetworkManager/dispatcher.d
    /etc/networkd-dispatcher'

# An upgrade of their packages may start these services; others count only if they run or start at boot.
packaged_services='chrony.service systemd-timesyncd.service ntp.service ntpd.service ntpsec.service openntpd.service
    ntpd-rs.service'
more_services='chronyd-restricted.service chrony-wait.service ntpsec-wait.service ntp-wait.service timemaster.service'
# Commands that set the clock from a script.
clock_commands='adjtimex|ntpdate(-debian)?|rdate|sntp|ntpdig|ntpclient|htpdate|chronyd -q|hwclock (--hctosys|-s)|date (-s|--set)'
# The same in a line of cron or of a script, where a time daemon may also be started to set the clock once.
line_commands="$clock_commands|(ntpd|openntpd|chronyd) [^;&|]*-[a-zA-Z]*[gqs]|hwclock [^;&|]*(--hctosys|-[a-z]*s)"
line_commands="$line_commands|date [^;&|]*(-[a-z]*s|--set)|timedatectl set-time"

# Print the conflicting services only.
conflicting_services() {
    look_around || return 1
    classify | sed -n '/^[^|]*\.service|/p'
}

# Set "shown" to systemd's properties of our service, and then of each possible time service, in one call: an empty line ends
# the properties of a unit. Also set "processes", "said", "listed" and "triggers". Not to be used in a pipe, where its
# failure would be lost.
# Sets: listed processes said shown triggers
look_around() {
    local main
    processes=$(time_processes)
    said=$(said_by_units)
    listed=$(vendor_lists)
    # shellcheck disable=SC2046 # one word for each unit
    shown=$(systemctl show -p Id -p LoadState -p ActiveState -p UnitFileState -p FragmentPath -p NeedDaemonReload \
        -p MainPID -p TriggeredBy -p ExecStart chronyd.service $(candidates)) || return 1
    triggers=$(echo "$shown" | sed -n 's/^TriggeredBy=//p')
    # shellcheck disable=SC2086 # one word for each unit
    [ -z "$triggers" ] || triggers=$(systemctl show -p Id -p ActiveState -p UnitFileState $triggers) || return 1
    main=${shown#*MainPID=}
    processes="$processes
$(port_holders "${main%%[!0-9]*}")"
}

# Print lines "trigger|UNIT" for the timers, sockets and paths that are active, or will be after a boot.
# Reads: triggers
live_triggers() {
    echo "$triggers" | awk -F '=' '
        function trigger() {
            if (value["ActiveState"] !~ /^(inactive|failed)?$/ || value["UnitFileState"] ~ /^enabled/)
                print "trigger|" value["Id"]
            split("", value)
        }
        $0 == "" { trigger(); next }
        { value[$1] = $2 }
        END { trigger() }'
}

# Print lines "said|UNIT|directive=value" for the directives about the clock in unit files and drop-ins.
# Reads: time_programs
said_by_units() {
    local folder conflict
    set --
    for folder in $unit_folders; do set -- "$@" "$folder"/*.service "$folder"/*.service.d/*.conf; done
    conflict='Conflicts=.*(timesyncd|chronyd?|ntpd?|ntpsec|openntpd)\.service'
    grep -sHE "^(ExecStart=.*($time_programs|$clock_commands)|$conflict|Before=.*time-sync\.target|AmbientCapabilities=.*CAP_SYS_TIME)" \
        "$@" | sed -e 's,\.d/[^/:]*\.conf:,:,' -e 's,:,|,' -e 's,^[^|]*/,said|,'
}

# Print the services that a vendor declares as time services, systemd-timedated.service(8).
vendor_lists() {
    local folder
    for folder in $list_folders; do cat "$folder"/ntp-units.d/*.list 2>/dev/null || true; done
}

# Print the units that may be time services, by their names, their unit files, and the running processes.
# Reads: listed processes said
candidates() {
    local name folder link
    {
        # systemd searches all its folders for each unknown name, which is slow: leave out names without a unit file.
        for name in $packaged_services $more_services $listed; do
            for folder in $unit_folders; do
                [ ! -e "$folder/$name" ] || { echo "unit|$name"; break; }
            done
        done
        for link in /etc/systemd/system/*.wants/*@?*.service; do echo "instance|${link##*/}"; done
        echo "$processes"
        echo "$said"
    } | awk -F '|' '
        { name = $1 == "process" ? $4 : $2 }
        name !~ /^[A-Za-z0-9:_.\\@-]+\.service$/ || name ~ /^(chronyd|systemd-timedated|systemd-time-wait-sync)\.service$/ { next }
        # systemctl cannot show a template; instances that start at boot have a link.
        sub(/@\.service$/, "@", name) { template[name] = 1; next }
        $1 == "instance" { instance[name] = 1; next }
        !told[name]++ { print name }
        END {
            for (name in instance) if (substr(name, 1, index(name, "@")) in template && !told[name]++) print name
        }'
}

# Print the other time services in the format above, from the variables of look_around.
# Reads: listed proc processes said shown time_programs
classify() {
    # shellcheck disable=SC2086 # words
    {
        echo "$processes"
        printf 'packaged|%s\n' $packaged_services
        printf 'more|%s\n' $more_services $listed
        echo "$said"
        live_triggers
        echo "==> units"
        echo "$shown"
    } | awk -v programs="^($time_programs)\$" -v commands="[ /;&|\"'](${clock_commands%%|chronyd*})[ ;]" -v proc="$proc" '
        function base(path) {
            sub(/ \(deleted\)$/, "", path)
            sub(/.*\//, "", path)
            return path
        }
        # Whether a program with these options sets the system clock, rather than only query it or set the clock of a network
        # card.
        function steers(name, options) {
            options = " " options " "
            if (name !~ programs) return 0
            if (name == "chronyd") return options !~ / (-[Qphv]|--version|--help) /
            if (name ~ /^ntpdate/) return options !~ / -[A-Za-z0-9]*[qd]/
            if (name == "ptp4l") return options ~ / -[A-Za-z0-9]*S/
            if (name != "phc2sys") return 1
            if (options ~ / -E *ntpshm /) return 0
            if (options ~ / -[a-z]*a/) return options ~ / -[a-z]*r/
            return options !~ / -c *[^C ]/
        }
        # The same for a command line, which may begin with a program that starts another one.
        function runs(line,    count, word, first, options) {
            count = split(line, word, " ")
            first = 1
            if (base(word[1]) ~ /^(busybox|toybox|chrt|env|ionice|nice|numactl|setpriv|setsid|stdbuf|taskset)$/)
                while (first < count && base(word[first]) !~ programs) first++
            for (count = first + 1; count in word; count++) options = options " " word[count]
            return steers(base(word[first]), options)
        }
        function may_set_clock(pid,    line, found) {
            while ((getline line <(proc "/" pid "/status")) > 0)
                if (sub(/^CapEff:[ \t]*/, "", line))
                    found = substr(line, length(line) - 6, 1) ~ /[2367abefABEF]/
            close(proc "/" pid "/status")
            return found
        }
        function keeps_time(unit) {
            if (unit in packaged) return 1
            if (value["ActiveState"] ~ /^(inactive|failed)?$/ && value["UnitFileState"] !~ /^enabled/ && !value["TriggeredBy"])
                return 0
            if (unit in more || value["runs"] || value["MainPID"] in daemon) return 1
            # A SysV script, or a line of shell, that has started a time daemon.
            return unit in has_daemon && value["script"]
        }
        function words(directive) {
            if (directive ~ /^Conflicts=/) return "conflicts with time daemons"
            if (directive ~ /^Before=/) return "is ordered before the time is set"
            return "is given CAP_SYS_TIME"
        }
        function starters(    count, word, i, names) {
            count = split(value["TriggeredBy"], word, " ")
            for (i = 1; i <= count; i++) if (word[i] in live) names = names (names ? " " : "") word[i]
            return names
        }
        function unit(    id, line) {
            id = value["Id"]
            line = id "|" value["LoadState"] "|" value["ActiveState"] "|" value["UnitFileState"] "|" value["FragmentPath"]
            line = line "|" starters()
            # An alias shows its unit, which may then occur twice. A transient unit of systemd-run cannot be started again
            # later.
            if (id == "" || id == "chronyd.service" || seen[id]++ || value["FragmentPath"] ~ /^\/run\/systemd\/transient\//) {
                split("", value)
                return
            }
            if (keeps_time(id)) {
                kept[id] = 1
                print line
            } else if (id in conflict && value["MainPID"] > 0 && may_set_clock(value["MainPID"]))
                print "suspect|" value["MainPID"] "|" id "|" id "|" conflict[id]
            else if (id in sets && (value["ActiveState"] ~ /^activ/ || value["UnitFileState"] ~ /^enabled/ || value["TriggeredBy"]))
                print "suspect|" value["MainPID"] "|" id "|" id "|its commands set the clock"
            split("", value)
        }
        BEGIN { FS = "|" }
        !units && $1 == "process" {
            # A process that also has the port occurs twice.
            why[$2] = why[$2] " " $5
            process[++processes] = $0
            if (!steers(base($3), $6) || $5 == "capability") next
            daemon[$2] = 1
            has_daemon[$4] = 1
        }
        !units && $1 == "packaged" { packaged[$2] = 1 }
        !units && $1 == "trigger" { live[$2] = 1 }
        !units && $1 == "more" { more[$2] = 1 }
        !units && $1 == "said" && $3 !~ /^ExecStart/ && $2 !~ /^systemd-time/ { conflict[$2] = words($3) }
        !units && $1 == "said" && $3 ~ /^ExecStart/ && (substr($0, length($1 $2) + 3) " ") ~ commands { sets[$2] = 1 }
        $0 == "==> units" { units = 1; next }
        !units { next }
        $0 == "" { unit(); next }
        sub(/^ExecStart=/, "") {
            sub(/.*argv\[\]=/, "")
            sub(/ ; ignore_errors=.*/, "")
            if (runs($0)) value["runs"] = 1
            if ($0 ~ /^(\/etc\/init\.d\/|(\/usr)?\/bin\/(ba|da)?sh )/) value["script"] = 1
            next
        }
        { value[substr($0, 1, index($0, "=") - 1)] = substr($0, index($0, "=") + 1) }
        END {
            unit()
            for (i = 1; i <= processes; i++) {
                split(process[i], part, "|")
                if (part[4] in kept || part[4] == "chronyd.service" || named[part[2]]++) continue
                who = part[2] "|" part[3] "|" part[4]
                if (why[part[2]] ~ /port|pidfile/ || (why[part[2]] ~ /clock/ && part[2] in daemon))
                    print "process|" who "|" substr(why[part[2]], 2)
                else if (part[5] == "capability")
                    print "suspect|" who "|may set the clock"
            }
        }'
    # shellcheck disable=SC2086 # words
    grep -rsHE "^[^#]*(^|[ /;&|])($line_commands)([ =]|$)" $cron_files $hook_files | sed 's/:.*/||its lines set the clock/; s/^/suspect||/' | sort -u
}
