# shellcheck shell=dash
# needs: can_setpriv
# Run commands as an account that owns nothing, for programs from another machine are not verified yet.

# Print a number that no account has.
free_id() {
    local number
    number=
    # 61184 to 65519 is the range for dynamic users (systemd.io/UIDS-GIDS).
    until [ -n "$number" ] && ! getent passwd "$number" >/dev/null 2>&1; do
        number=$((61184 + $(od -An -N2 -tu2 /dev/urandom) % 4336))
    done
    echo "$number"
}

# Run a command as the account with the number $1, without groups, for at most a minute, and with a clean environment,
# without root's LD_PRELOAD or CFLAGS for example.
as_account() { # NUMBER COMMAND…
    local account
    account=$1
    shift
    set -- env -i PATH="$PATH" LC_ALL=C "$@"
    if [ "$(id -u)" = "$account" ]; then
        timeout -s KILL 60 "$@"
    elif can_setpriv; then
        timeout -s KILL 60 setpriv --reuid="$account" --regid="$account" --clear-groups --no-new-privs "$@"
    else
        timeout -s KILL 60 chroot --userspec="+$account:+$account" --groups="" / "$@"
    fi
}

# Run a command as an account that owns nothing and has and gains no privileges.
as_nobody() { # COMMAND…
    as_account "$(free_id)" "$@"
}
