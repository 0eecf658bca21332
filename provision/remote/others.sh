# shellcheck shell=sh
# The other time daemons of a host, each as "unit|load state|active state|unit file state|file".
others() {
    # One call for all: an empty line ends each unit's properties. Not in a pipe, where its failure would be lost.
    shown=$(systemctl show -p Id -p LoadState -p ActiveState -p UnitFileState -p FragmentPath chrony.service \
        systemd-timesyncd.service ntp.service ntpd.service ntpsec.service openntpd.service) || return 1
    echo "$shown" | awk -F= -v OFS='|' '
        function unit() {
            if (value["Id"] != "" && value["Id"] != "chronyd.service")
                print value["Id"], value["LoadState"], value["ActiveState"], value["UnitFileState"], value["FragmentPath"]
            split("", value)
        }
        NF { value[$1] = $2; next }
        { unit() }
        END { unit() }' | sort -u
}
