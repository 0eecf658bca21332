# shellcheck shell=dash
# Remove everything that we made: our folder, and the folders and accounts recorded in "made". $1: our folder on the host.
set -eu
root=$1
made() { sed -n "s/^$1 //p" "$root/made" 2>/dev/null || true; }

if [ -x /usr/sbin/chronyd ]; then
    # A chrony package that was installed later uses them.
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
# A symlink or a mount point at this path is the administrator's; only its content is ours.
if [ -d "$root" ]; then
    real=$(cd -P "$root" && pwd -P)
    find "$real" -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +
    [ -L "$root" ] || rmdir "$root" 2>/dev/null || true
fi
