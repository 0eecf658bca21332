# shellcheck shell=sh
# The other time daemons of a host, each as "unit|load state|active state|unit file state|file".
others() {
    shown=$(show_services chrony.service) || return 1
    echo "$shown" | tell_others
}

# $@: units that are told of first. One call for all: an empty line ends each unit's properties. Not for a pipe, where its
# failure would be lost.
show_services() {
    systemctl show -p Id -p LoadState -p ActiveState -p UnitFileState -p FragmentPath -p NeedDaemonReload -p MainPID "$@" \
        systemd-timesyncd.service ntp.service ntpd.service ntpsec.service openntpd.service
}

tell_others() {
    awk -F= -v OFS='|' '
        function unit() {
            line = value["Id"] OFS value["LoadState"] OFS value["ActiveState"] OFS value["UnitFileState"]
            line = line OFS value["FragmentPath"]
            # An alias shows the unit that it stands for, which may be seen twice.
            if (value["Id"] != "" && value["Id"] != "chronyd.service" && !told[line]++) print line
            split("", value)
        }
        NF { value[$1] = $2; next }
        { unit() }
        END { unit() }'
}
