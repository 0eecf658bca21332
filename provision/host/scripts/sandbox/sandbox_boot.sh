# shellcheck shell=dash
# sandbox_boot NAME FOLDER NETNS: give a root its name and keys, and boot it.
set -eu
name=$1 folder=$2 netns=$3 root=$2/root

echo "$name" >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >"$root/etc/hosts"
install -d -m 0700 "$root/root/.ssh"
install -m 0600 "$folder/key.pub" "$root/root/.ssh/authorized_keys"
install -m 0600 "$folder/host_key" "$root/etc/ssh/ssh_host_ed25519_key"
install -m 0644 "$folder/host_key.pub" "$root/etc/ssh/ssh_host_ed25519_key.pub"

# Without systemd on this machine, nspawn cannot create a scope.
unit=--keep-unit
[ ! -d /run/systemd/system ] || unit=
# If this machine mounts cgroup v1 beside v2, give sandboxes v2 only: systemd 258 and newer refuse v1.
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
# The console goes to the log, without colours.
export TERM=dumb
# CAP_NET_ADMIN applies to its own network namespace, so that a sandbox can have its own firewall.
# shellcheck disable=SC2086 # no option at all when empty
setsid systemd-nspawn --boot --directory="$root" --machine="$netns" --hostname="$name" \
    --network-namespace-path="/run/netns/$netns" --capability=CAP_NET_ADMIN --register=no $unit --resolv-conf=off \
    --link-journal=no \
    </dev/null >"$folder/nspawn.log" 2>&1 &
echo $! >"$folder/pid"
