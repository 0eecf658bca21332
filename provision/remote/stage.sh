# shellcheck shell=sh
# Unpack a generation beside the others and let its own chronyd read chrony.conf; it gets its name only then.
# $1: the uploaded archive, $2: the generation's folder, $3: its build, $4: the account of chronyd.
set -eu
umask 077
new=$2.new.$$
trap 'rm -rf "$new" "$1"' EXIT
mkdir -p "${2%/*}"
# The folders are for all to see, whatever the umask; the keys are not.
chmod 0755 "${2%/*}" "${2%/*/*}"
mkdir "$new"
tar -xzf "$1" --no-same-owner -C "$new"
ln -s "../../builds/${3##*/}" "$new/build"
chmod 0755 "$new"
chmod 0644 "$new/chrony.conf" "$new/chronyd.service"
chown "root:$4" "$new/chrony.keys"
chmod 0640 "$new/chrony.keys"
# chronyd(8), -p: print the configuration and exit; an error goes to standard error with exit status 1.
"$3/sbin/chronyd" -p -f "$new/chrony.conf" >/dev/null
if [ ! -e "$2" ]; then
    mv -T "$new" "$2"
    exit 0
fi
mv "$2" "$2.broken.$$"
mv -T "$new" "$2"
rm -rf "$2.broken.$$"
# Somebody changed the current generation by hand, and the daemon may have read it.
if [ "$(readlink -f "${2%/*/*}/current")" = "$(readlink -f "$2")" ]; then
    systemctl try-restart chronyd.service
fi
