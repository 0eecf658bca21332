"""Shell scripts that disturb a rollback: one kills it again and again, one holds every lock that a user can open."""

FAULTS = "/run/systemd/system/chrony-undo.service.d"
HASTE = f"""
mkdir -p {FAULTS}
printf '[Service]\\nRestartSec=200ms\\n' >{FAULTS}/haste.conf
"""
"""A next try comes soon: every try is a case."""
KILLS = (1, 5, 9, 13, 17, 21, 25, 29, 12, 13)
"""Of each try, the command of the script before which it is killed. A try after a restart has some 14 of them."""
KILL = f"""
mkdir -p /run/kill
cat >/run/kill/one <<'END'
#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
# Count the commands of a try, and kill its shell before the one that comes first in the list of kills.
cd /run/kill
# Those of a pipeline are counted one after another, and one of them alone kills.
exec 8>>lock
flock 8
echo "${{0##*/}}" >>count
if [ "$(wc -l <count)" -ge "$(sed -n 1p kills)" ]; then
    sed -i 1d kills
    cat count >>counted
    echo "--- killed" >>counted
    : >count
    systemctl kill -s KILL chrony-undo.service
    sleep 10
fi
exec 8>&-
cd /
exec "${{0##*/}}" "$@"
END
chmod 0755 /run/kill/one
for name in awk cp flock grep ln mkdir mv readlink rm rmdir sed sync tail timeout touch; do
    ln -sf one "/run/kill/$name"
done
printf '%s\\n' {" ".join(map(str, KILLS))} 999 >/run/kill/kills
printf '[Service]\\nEnvironment=PATH=/run/kill:/usr/sbin:/usr/bin:/sbin:/bin\\n' >{FAULTS}/kill.conf
"""


HOLD = """
for file in lock switch.lock locks/host locks/switch; do
    # Those of earlier versions: somebody may hold them since then.
    case $file in locks/*) ;; *) install -m 0644 /dev/null "/opt/chrony/$file" ;; esac
    setpriv --reuid=65534 --clear-groups flock -n "/opt/chrony/$file" sleep 300 >/dev/null 2>&1 &
    sleep 0.3
    ! kill -0 $! 2>/dev/null || echo "$file"
done
"""
"""A local user tries to hold each lock; prints those that can be held, which must not matter."""
LET_GO = "pkill -u 65534 || true"
