# shellcheck shell=dash
# needs: ask_chronyc can_connect
# Print the effects of some directives of the current chrony.conf, as "effect=NAME WORDS" lines. $1: our folder on the host.
conf=$1/current/chrony.conf
chronyc=$1/current/build/bin/chronyc
uses() {
    grep -Eqi "^[[:space:]]*($1)([[:space:]]|\$)" "$conf" 2>/dev/null
}
# ntp_io_linux.c: "Enabled HW timestamping on eth0". There is no message for an interface without hardware timestamping.
if uses hwtimestamp; then
    pid=$(systemctl show -p MainPID chronyd.service)
    journalctl -q -b -o cat "_PID=${pid#MainPID=}" _COMM=chronyd --no-pager 2>/dev/null |
        sed -n 's/^Enabled HW timestamping/effect=timestamps &/p'
fi
# ss(8): a socket that is bound to a device has the name of the device after its address.
if uses 'bind(acq)?device'; then ss -Hlnu 2>/dev/null | awk '$4 ~ /%/ { print "effect=bound " $4 }'; fi
if uses rtcfile; then echo "effect=rtc $(ask_chronyc 5 "$chronyc" -c rtcdata 2>&1 | tail -n 1)"; fi
# ntp_signd.c: chronyd connects to the socket when the first client asks in this way, and not before.
if uses ntpsigndsocket; then
    pid=$(systemctl show -p MainPID chronyd.service)
    folder=$(awk 'tolower($1) == "ntpsigndsocket" { last = $2 } END { print last }' "$conf")
    echo "effect=signd $(can_connect "${pid#MainPID=}" "$folder/socket")"
fi
