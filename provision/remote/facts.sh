# shellcheck shell=sh
# What this host is, as "name=value" lines; needs no root and no tool beyond a shell and coreutils.
set -u
LC_ALL=C
export LC_ALL

say() { printf '%s=%s\n' "$1" "$2"; }
# The first line of a file, or nothing, without a process.
first_line() {
    [ -r "$1" ] || return
    { read -r line || [ -n "$line" ]; } 2>/dev/null <"$1" && printf '%s' "$line"
}

# A subshell: os-release sets what it likes.
(
    for file in /etc/os-release /usr/lib/os-release; do
        # shellcheck disable=SC1090
        [ -r "$file" ] && . "$file" && break
    done
    say os "${ID:-unknown}"
    say os_version "${VERSION_ID:-}"
    say os_like "${ID_LIKE:-}"
    say os_name "${PRETTY_NAME:-an unknown system}"
)
say machine "$(uname -m)"
# What a build is linked to: glibc says so itself, musl only in what its ldd says of itself (on standard error).
libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) ||
    libc=$(ldd --version 2>&1 | sed -n 's/^musl libc.*/musl/p; s/^Version /-/p' | tr -d '\n')
case $libc in *" "*) libc=${libc%% *}-${libc#* } ;; esac
say libc "$libc"
say cpus "$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)"
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

for tool in apt-get dnf yum zypper apk pacman; do
    command -v "$tool" >/dev/null 2>&1 && { say packager "$tool"; break; }
done
absent=
for tool in cc make m4 pkg-config tar gzip; do
    command -v "$tool" >/dev/null 2>&1 || absent="$absent $tool"
done
say absent_tools "${absent# }"

# Its version also where it does not run, as where an image is made.
if command -v systemctl >/dev/null 2>&1; then
    say systemd "$(systemctl --version | { read -r _ version _; echo "$version"; })"
fi
# sd_booted(3): this directory exists if and only if systemd runs as init.
if [ -d /run/systemd/system ]; then say init systemd; fi

# The bounding set of process 1 tells what a service may get; in a user namespace even CAP_SYS_TIME sets no clock.
value=
if [ -r /proc/1/status ]; then
    while read -r name value; do
        [ "$name" != CapBnd: ] || break
    done </proc/1/status
fi
say capabilities "$value"
# shellcheck disable=SC2046 # three numbers
set -- $(first_line /proc/self/uid_map)
say uid_map "$*"

# Instances on EC2 say so here, for Xen and for Nitro (Amazon EC2 User Guide, "Detect whether a host is an instance").
case $(first_line /sys/hypervisor/uuid):$(first_line /sys/class/dmi/id/sys_vendor) in
    ec2* | *:"Amazon EC2") say cloud ec2 ;;
esac

for user in _chrony chrony; do
    getent passwd "$user" >/dev/null 2>&1 && { say chrony_user "$user"; break; }
done
say ssh_connection "${SSH_CONNECTION:-}"
