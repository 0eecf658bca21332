# shellcheck shell=sh
# Remove what we made: our folder, and what its "made" names. $1: our folder on the host.
set -eu
root=$1
made() { sed -n "s/^$1 //p" "$root/made" 2>/dev/null || true; }

if [ -x /usr/sbin/chronyd ]; then
    # A chrony that was installed since uses them.
    echo "account and folders stay: /usr/sbin/chronyd uses them"
else
    for folder in $(made folder); do
        case $folder in
            /var/lib/chrony | /var/log/chrony) rm -rf "$folder" ;;
            *) rmdir "$folder" 2>/dev/null || true ;;
        esac
    done
    for account in $(made account); do
        if getent passwd "$account" >/dev/null; then userdel "$account"; fi
        if getent group "$account" >/dev/null; then groupdel "$account"; fi
    done
fi
rm -rf "$root"
