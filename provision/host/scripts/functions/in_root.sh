# shellcheck shell=dash
# Run a command in a root folder of Debian, as chroot does; QEMU runs the programs of another processor.
# The kernel finds QEMU by a rule for their files (binfmt_misc). It is in a user namespace of the command, so that nothing
# changes for this machine: QEMU is the name of the rule, which qemu-user-static has, and empty for this machine's programs.
in_root() { # QEMU ROOT COMMAND…
    local pid status tenths rule
    if [ -z "$1" ]; then
        shift
        chroot "$@"
        return
    fi
    if ! rule=$(cat "/usr/lib/binfmt.d/$1.conf"); then
        echo "there is no rule for QEMU here; the Debian package qemu-user-static or qemu-user-binfmt has it" >&2
        return 1
    fi
    shift
    # The accounts have the same numbers inside. Only a process outside may say so.
    # shellcheck disable=SC2016 # the inner sh fills it in
    unshare --user --mount --pid --fork --kill-child sh -c '
        until [ -n "$(cat /proc/self/gid_map)" ]; do sleep 0.1; done
        mount -t proc proc /proc || exit 1
        if ! mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc; then
            echo "the kernel of this machine has no rules for QEMU in a user namespace; Linux 6.7 has them" >&2
            exit 1
        fi
        printf "%s\n" "$1" >/proc/sys/fs/binfmt_misc/register || exit 1
        shift
        exec chroot "$@"' sh "$rule" "$@" &
    pid=$!
    tenths=100
    while [ "$(readlink "/proc/$pid/ns/user")" = "$(readlink /proc/self/ns/user)" ] && [ "$tenths" -gt 0 ]; do
        sleep 0.1
        tenths=$((tenths - 1))
    done
    if ! { echo '0 0 65536' >"/proc/$pid/uid_map" && echo '0 0 65536' >"/proc/$pid/gid_map"; }; then
        kill -s KILL "$pid" 2>/dev/null || :
        echo "this machine makes no user namespace for QEMU (see sysctl user.max_user_namespaces)" >&2
        return 1
    fi
    status=0
    wait "$pid" || status=$?
    return "$status"
}
