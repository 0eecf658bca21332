# shellcheck shell=dash
# Print the path of the resolv.conf for a sandbox. The stub of systemd-resolved listens only on this machine's loopback
# interface; another file has its upstream servers.
resolv_conf() {
    if [ -e /run/systemd/resolve/resolv.conf ]; then
        echo /run/systemd/resolve/resolv.conf
    else
        echo /etc/resolv.conf
    fi
}
