#!/bin/sh
# The manual procedure that this tool replaces, as one script for root on a bare Debian 12; its commands in its order.
# $1: the folder with both tarballs, which its wget and git would fetch.
#
# Corrected only where it could not run here at all:
#   - gcc, make and m4 are installed, which it takes for granted;
#   - release tarballs instead of git, whose host is gone; today's releases instead of Nettle 3.9.1 and chrony 4.1;
#   - chronyd gets -x (set_clock=no): a throwaway host may not set its clock.
# Its faults stay: no -dev packages of libcap and libseccomp, so chronyd keeps root and filters no system calls; CPPFlAGS
# with a small l; --prefix=/usr writes over packaged files; the new libnettle goes to /usr/lib64, where chrony does not
# look; the whole world is allowed; the keys lie open to all.
set -eu
tarballs=$1 set_clock=${2:-yes}
export DEBIAN_FRONTEND=noninteractive

echo "==> 1. dependencies"
apt-get update
apt-get install -y gcc make m4
apt-get install -y libcap2 libseccomp2 pkg-config nettle-dev

echo "==> 2. Nettle"
work=$(mktemp -d)
cd "$work"
tar -xf "$tarballs"/nettle-*.tar.gz
cd nettle-*/
./configure --prefix=/usr --disable-static && make -j8
sudo make install
sudo chmod -v 755 /usr/lib/libhogweed.so /usr/lib/libnettle.so || echo "as said: they are in /usr/lib64"

echo "==> 3. chrony"
cd "$work"
tar -xf "$tarballs"/chrony-*.tar.gz
cd chrony-*/
export CPPFlAGS='-I/usr/include'
export LDFLAGS='-L/usr/lib'
./configure --prefix=/usr --sysconfdir=/etc/chrony
make -j 8
sudo make install
chronyc --version
chronyc keygen 1 AES128 128

echo "==> 4. configuration and service"
cat >/etc/chrony/chrony.conf <<'END'
pool ntp.ubuntu.com iburst maxsources 4
pool 0.ubuntu.pool.ntp.org iburst maxsources 1
pool 1.ubuntu.pool.ntp.org iburst maxsources 1
pool 2.ubuntu.pool.ntp.org iburst maxsources 2
server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4
keyfile /etc/chrony/chrony.keys
driftfile /var/lib/chrony/chrony.drift
log tracking measurements statistics
logdir /var/log/chrony
maxupdateskew 100.0
rtcsync
makestep 1 3
END
cat >/etc/systemd/system/chronyd.service <<'END'
[Unit]
Description=chrony, an NTP client/server
Documentation=man:chronyd(8) man:chronyc(1) man:chrony.conf(5)
Conflicts=systemd-timesyncd.service openntpd.service
After=network.target

[Service]
Type=forking
PIDFile=/run/chrony/chronyd.pid
EnvironmentFile=-/etc/default/chrony
ExecStart=/usr/sbin/chronyd $OPTIONS
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=full

[Install]
Alias=chronyd.service
WantedBy=multi-user.target
END
[ "$set_clock" = yes ] || echo OPTIONS=-x >/etc/default/chrony
sudo service chronyd start

echo "==> 5. server"
echo 'allow 0/0' >>/etc/chrony/chrony.conf
sudo service chronyd restart

echo "==> 6. key"
chronyc keygen 1 AES128 128 >/etc/chrony/chrony.keys
sudo service chronyd restart
