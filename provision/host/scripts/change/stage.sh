# shellcheck shell=dash
# needs: as_nobody replace_folder
# Unpack a generation, let its own chronyd check chrony.conf, and only then move it to its final folder.
# $1: the uploaded archive, $2: the generation's folder, $3: its build, $4: the account of chronyd.
set -eu
umask 077
new=$2.new.$$
trap 'rm -rf "$new" "$1"' EXIT
mkdir -p "${2%/*}"
# The folders are readable for everybody, regardless of the umask; the keys are not.
chmod 0755 "${2%/*}" "${2%/*/*}"
mkdir "$new"
tar -xzf "$1" --no-same-owner -C "$new"
if [ -e "$new/parts" ]; then
    # Of a long key file, only the changed parts were uploaded. "parts" has a line for each part, with its first id: "ID
    # here" is taken from the current generation, "ID new" from the upload.
    LC_ALL=C awk '
        FILENAME == ARGV[1] { first[++n] = $1 + 0; where[n] = $2; next }
        FILENAME != file { file = FILENAME; i = 0; from = FILENAME == ARGV[2] ? "here" : "new" }
        { while (i < n && $1 + 0 >= first[i + 1]) i++ }
        i && where[i] == from { text[i] = text[i] $0 "\n" }
        END { for (i = 1; i <= n; i++) printf "%s", text[i] }' \
        "$new/parts" "${2%/*/*}/current/chrony.keys" "$new/parts.new" >"$new/chrony.keys"
    (cd "$new" && sha256sum -c --status parts.sha256) || { echo "the keys changed meanwhile: run it again" >&2; exit 1; }
    rm "$new/parts" "$new/parts.new" "$new/parts.sha256"
fi
ln -s "../../builds/${3##*/}" "$new/build"
chmod 0755 "$new"
chmod 0644 "$new/chrony.conf" "$new/chronyd.service"
# The socket unit, and the certificates of NTS and their key: not every generation has them.
for file in "$new/chronyd.socket" "$new/nts.crt" "$new/trusted.pem"; do
    [ ! -e "$file" ] || chmod 0644 "$file"
done
for file in "$new/chrony.keys" "$new/nts.key" "$new/ntskeys"; do
    [ -e "$file" ] || continue
    chown "root:$4" "$file"
    chmod 0640 "$file"
done
# systemd reads the key of a certificate as root and gives it to the service: only root may read the file.
if grep -q '^LoadCredential=nts.key:' "$new/chronyd.service" && [ -e "$new/nts.key" ]; then
    chown root:root "$new/nts.key"
    chmod 0600 "$new/nts.key"
fi
# chronyd(8), -p: print the configuration and exit; an error goes to standard error with exit status 1.
# Not as root: the program may have been compiled on another machine, and chrony.conf is readable for everybody.
as_nobody "$3/sbin/chronyd" -p -f "$new/chrony.conf" >/dev/null
# If this replaces files that the daemon has read, invalidate the record; the step Unaltered then restarts the daemon.
if [ "$(readlink -f "${2%/*/*}/current")" = "$(readlink -f "$2")" ]; then
    echo "from files that were replaced since" >"${2%/*/*}/started"
fi
replace_folder "$new" "$2"
