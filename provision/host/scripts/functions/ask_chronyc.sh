# shellcheck shell=dash
# needs: can_setpriv
# Run chronyc as the account that owns the folder of chronyd's socket, with a time limit. As root, chronyc creates a socket
# in that folder and changes its mode: the account could replace the socket by a link to another file (chrony NEWS, 4.8).
ask_chronyc() { # SECONDS PROGRAM ARGUMENTS...
    local limit owner
    limit=$1
    shift
    owner=$(stat -c '%u:%g' /run/chrony 2>/dev/null) || owner=0:0
    case $(id -u):$owner in
        0:0:* | [1-9]*) ;;
        *)
            if can_setpriv; then
                set -- setpriv --reuid="${owner%:*}" --regid="${owner#*:}" --clear-groups --no-new-privs "$@"
            else
                set -- chroot --userspec="+${owner%:*}:+${owner#*:}" --groups="" / "$@"
            fi
            ;;
    esac
    timeout -s KILL "$limit" "$@"
}
