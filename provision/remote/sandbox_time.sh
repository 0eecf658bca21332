# shellcheck shell=sh
# sandbox_time FOLDER NETNS: the distribution's chronyd as a time source, inside a room. It is installed once.
set -eu
folder=$1 netns=$2 root=$1/root

if [ ! -e "$folder/installed" ]; then
    # Debian's way to say that no service may be started: this root is not booted.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 0755 "$root/usr/sbin/policy-rc.d"
    export DEBIAN_FRONTEND=noninteractive
    chroot "$root" apt-get update -qq
    chroot "$root" apt-get install -qq --no-install-recommends chrony
    touch "$folder/installed"
fi
# chronyd refuses to start when the process that an old pidfile names is alive, whatever it is by now.
rm -f "$root/run/chrony/chronyd.pid"
# It returns when it serves. -x: this machine's clock is not its business.
nsenter --net="/run/netns/$netns" chroot "$root" chronyd -x 'local stratum 1' 'allow 198.18.0.0/15' 'cmdport 0'
