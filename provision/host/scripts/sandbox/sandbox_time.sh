# shellcheck shell=dash
# sandbox_time FOLDER NETNS: run the distribution's chronyd as a time source inside a room. It is installed once.
set -eu
folder=$1 netns=$2 root=$1/root

if [ ! -e "$folder/installed" ]; then
    # Debian's policy-rc.d keeps packages from starting services, for this root is not booted.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 0755 "$root/usr/sbin/policy-rc.d"
    export DEBIAN_FRONTEND=noninteractive
    chroot "$root" apt-get update -qq
    chroot "$root" apt-get install -qq --no-install-recommends chrony
    touch "$folder/installed"
fi
# chronyd refuses to start if the process ID in an old pidfile is in use, even by another program.
rm -f "$root/run/chrony/chronyd.pid"
# It returns when it serves. -x: do not set this machine's clock.
nsenter --net="/run/netns/$netns" chroot "$root" chronyd -x 'local stratum 1' 'allow 198.18.0.0/15' 'cmdport 0'
