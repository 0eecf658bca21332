# shellcheck shell=dash
# needs: can_setpriv
# Print the facts of this host as "name=value" lines; needs no root and no tool beyond a shell and coreutils. $1: the tools that
# our scripts call on every host; then the package managers to look for.
set -u
LC_ALL=C
export LC_ALL
needed=$1
shift

say() { printf '%s=%s\n' "$1" "$2"; }
# Print the first line of a file, or nothing, without starting a process.
first_line() {
    local line
    [ -r "$1" ] || return
    { read -r line || [ -n "$line" ]; } 2>/dev/null <"$1" && printf '%s' "$line"
}

# In a subshell, for os-release may set any variable.
(
    for file in /etc/os-release /usr/lib/os-release; do
        # shellcheck disable=SC1090
        [ -r "$file" ] && . "$file" && break
    done
    say os "${ID:-unknown}"
    say os_version "${VERSION_ID:-}"
    say os_codename "${VERSION_CODENAME:-}"
    say os_like "${ID_LIKE:-}"
    say os_name "${PRETTY_NAME:-an unknown system}"
)
say machine "$(uname -m)"
# The C library: glibc prints its version; musl only as a part of its ldd's usage, on standard error.
libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) ||
    libc=$(ldd --version 2>&1 | sed -n 's/^musl libc.*/musl/p; s/^Version /-/p' | tr -d '\n')
case $libc in *" "*) libc=${libc%% *}-${libc#* } ;; esac
say libc "$libc"
say word_bits "$(getconf LONG_BIT 2>/dev/null)"
say cpus "$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)"
say clock "$(date +%s)"
uid=$(id -u)
say uid "$uid"
say login "$(id -un 2>/dev/null || echo "$uid")"

if [ "$uid" = 0 ]; then
    say sudo root
elif ! command -v sudo >/dev/null 2>&1; then
    say sudo missing
elif refusal=$(sudo -n true 2>&1); then
    say sudo yes
else
    # sudoers(5), requiretty: "sudo: sorry, you must have a tty to run sudo".
    case $refusal in *" tty "*) say sudo tty ;; *) say sudo password ;; esac
fi

for tool; do
    command -v "$tool" >/dev/null 2>&1 && { say packager "$tool"; break; }
done
absent=
for tool in cc make m4 pkg-config tar gzip; do
    command -v "$tool" >/dev/null 2>&1 || absent="$absent $tool"
done
say absent_tools "${absent# }"

# root's PATH includes the sbin folders, a login's need not.
(
    lacking=
    PATH=$PATH:/usr/sbin:/sbin
    for tool in $needed; do
        command -v "$tool" >/dev/null 2>&1 || lacking="$lacking $tool"
    done
    # The chroot of BusyBox can change no account, either.
    if ! can_setpriv; then
        case $(chroot --help 2>/dev/null) in *--userspec*) ;; *) lacking="$lacking setpriv" ;; esac
    fi
    say lacking_tools "${lacking# }"
)

# The version of systemd also if it does not run, as during the creation of an image.
if command -v systemctl >/dev/null 2>&1; then
    say systemd "$(systemctl --version | { read -r _ version _; echo "$version"; })"
fi
# sd_booted(3): this directory exists if and only if systemd runs as init.
if [ -d /run/systemd/system ]; then say init systemd; fi

# The bounding set of process 1 limits the capabilities of services; in a user namespace, even CAP_SYS_TIME sets no clock.
value=
if [ -r /proc/1/status ]; then
    while read -r name value; do
        [ "$name" != CapBnd: ] || break
    done </proc/1/status
fi
say capabilities "$value"
# Such a file gives its number to a single read(2), and dash would read one digit.
say unprivileged_ports "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start 2>/dev/null)"
# shellcheck disable=SC2046 # three numbers
set -- $(first_line /proc/self/uid_map)
say uid_map "$*"

# A kernel that was booted with ipv6.disable=1 has not this file (socket_ipv6_is_supported of systemd).
[ -e /proc/net/if_inet6 ] || say ipv6 no
# A file of the administrator that would change the ports that systemd opens for chronyd: a unit in the folders that systemd searches
# before those of packages, or a drop-in in any folder (systemd.unit(5)). Only our own unit has the line "Managed by".
for file in /etc/systemd/system/chronyd.socket /etc/systemd/system.control/chronyd.socket \
    /run/systemd/system.control/chronyd.socket /run/systemd/transient/chronyd.socket \
    /etc/systemd/system*/chronyd.socket.d/*.conf /etc/systemd/system*/chronyd.socket.requires/* /etc/systemd/system*/socket.d/*.conf \
    /run/systemd/system*/chronyd.socket.d/*.conf /run/systemd/system*/socket.d/*.conf \
    /usr/local/lib/systemd/system/socket.d/*.conf /usr/lib/systemd/system/socket.d/*.conf; do
    if [ ! -e "$file" ] && [ ! -L "$file" ]; then continue; fi
    grep -qs '^# Managed by chrony-provision' "$file" || { say foreign_socket "$file"; break; }
done
say fips "$(first_line /proc/sys/crypto/fips_enabled)"
# Without one, as on a Raspberry Pi, the clock is wrong after a boot. In a container, this tells of the machine around it.
[ -e /sys/class/rtc/rtc0 ] || [ -e /dev/rtc0 ] || say real_time_clock no

# Files by which an EC2 instance is recognised, Xen and Nitro (Amazon EC2 User Guide, "Detect whether a host is an
# instance").
case $(first_line /sys/hypervisor/uuid):$(first_line /sys/class/dmi/id/sys_vendor) in
    ec2* | *:"Amazon EC2") say cloud ec2 ;;
esac

for user in _chrony chrony; do
    getent passwd "$user" >/dev/null 2>&1 && { say chrony_user "$user"; break; }
done
say ssh_connection "${SSH_CONNECTION:-}"
# Further addresses of the network device at which the SSH connection arrived.
# shellcheck disable=SC2086 # four words
set -- ${SSH_CONNECTION:-}
if [ -n "${3:-}" ] && command -v ip >/dev/null 2>&1; then
    say addresses "$(ip -o addr show 2>/dev/null | awk -v here="${3%%%*}" '
        { sub(/\/.*/, "", $4); address[NR] = $4; device[NR] = $2 }
        $4 == here { ours = $2 }
        / scope global / && !/ (tentative|dadfailed|deprecated|temporary) / { global[NR] = 1 }
        END {
            for (i = 1; i <= NR; i++)
                if (i in global && device[i] == ours && address[i] != here) printf "%s%s", found++ ? " " : "", address[i]
        }')"
fi
