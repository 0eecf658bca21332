# shellcheck shell=dash
# Run a script while an account may read copies of a certificate and its key, which are in memory, as those that systemd gives to a
# service. $1: the folder of the copies in /run, which does not exist yet, $2: the account, $3: the certificate, $4: its key, $5:
# the script.
set -u
umask 077
mkdir -m 0700 "$1" || exit 1
trap 'rm -rf "$1"' EXIT
trap 'exit 1' HUP INT PIPE TERM
# Without a file, the script shows how chronyd does without.
{ cat "$3" >"$1/nts.crt"; cat "$4" >"$1/nts.key"; } 2>/dev/null
chown -R "$2:" "$1"
(sh -c "$5")
