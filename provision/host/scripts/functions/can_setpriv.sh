# shellcheck shell=dash
# Succeed if setpriv can run a command as another account. That of BusyBox can change no account: it has no --reuid. Who calls this
# has chroot --userspec of coreutils for a host without it; one that lacks both is refused (print_facts.sh).
can_setpriv() {
    case $(setpriv --help 2>/dev/null) in *--reuid*) ;; *) return 1 ;; esac
}
