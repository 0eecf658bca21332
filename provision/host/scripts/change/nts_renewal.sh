# shellcheck shell=dash
# Managed by chrony-provision: a change made here is replaced by the next deployment.
# needs: query_nts nts_files
# Let chronyd serve with a certificate that the host has renewed. Before its restart, another chronyd tries the new files, beside
# the running one, and a client asks it with NTS. If that fails, the running one goes on with the old certificate, and the reason
# is in /run/chrony-nts-renewal/refused. For root, started by systemd when the files change.
: "${root?our folder on the host}"
: "${certificate?the file of the certificate}"
: "${key?the file of its key}"
: "${name?a name of the server by its certificate}"
: "${authority?the authority that clients trust, in PEM, or nothing: the last certificate of the chain}"
: "${other_name?a name that no server has}"
: "${other_authority?an authority that nobody has, in PEM}"
: "${account?the account of chronyd}"
: "${rehearse?the script that tries a generation}"
: "${as_builder?the script that runs another one without privileges}"
set -u
umask 077
PATH=/usr/sbin:/sbin:/usr/bin:/bin
LC_ALL=C
export LC_ALL PATH
refused=/run/chrony-nts-renewal/refused
folder=
trap '[ -z "$folder" ] || rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

# A renewal changes several files, one after the other: wait until they have not changed for two seconds.
await_quiet() {
    local before now left
    before="" left=30
    while [ "$left" -gt 0 ]; do
        now=$(stat -L -c '%d %i %s %z' "$certificate" "$key" 2>&1)
        [ "$now" != "$before" ] || return 0
        before=$now left=$((left - 1))
        sleep 2
    done
}

# Try the files. Print why clients would get no time with them; nothing if they do.
# Reads: account as_builder authority certificate key name other_authority other_name rehearse root
# Sets: folder
reason_against() {
    local trusted
    folder=$(mktemp -d /run/chrony-nts-renewal.XXXXXX) || { echo "no folder in /run"; return; }
    chmod 0711 "$folder"
    mkdir -m 0700 "$folder/credentials" "$folder/work"
    { cat "$certificate" >"$folder/credentials/nts.crt"; cat "$key" >"$folder/credentials/nts.key"; } 2>/dev/null
    chown -R "$account:" "$folder/credentials"
    trusted=$authority
    if [ -z "$trusted" ]; then
        trusted=$(print_chain "$certificate" | awk '/BEGIN/ { last = "" } { last = last $0 "\n" } END { printf "%s", last }')
    fi
    { echo "127.0.0.1 $name $other_name"; cat /etc/hosts 2>/dev/null; } >"$folder/hosts"
    printf '%s\n' "$trusted" >"$folder/authority"
    printf '%s\n' "$other_authority" >"$folder/other"
    printf '%s\n' "$rehearse" >"$folder/rehearse"
    # shellcheck disable=SC2016 # for another shell
    printf 'set -- %s/current "" 0 %s/credentials 127.0.0.1 %s "$(cat %s/authority)" %s "$(cat %s/other)"\n. %s/rehearse\n' \
        "$root" "$folder" "$name" "$folder" "$other_name" "$folder" "$folder" >"$folder/trial"
    chmod 0644 "$folder"/hosts "$folder"/authority "$folder"/other "$folder"/rehearse "$folder"/trial
    (with_hosts "$folder/hosts" sh -c "$as_builder" as_builder "$folder/work" "$account" ". $folder/trial" own) \
        >"$folder/said" 2>&1
    awk '
        /^==> / { section = $0; next }
        section == "==> nts right" && !outcome { outcome = $0; next }
        section == "==> nts right" { words = $0 }
        section == "==> log" { if (/credentials/) words = $0; last = $0 }
        { said = $0 }
        END {
            if (outcome == "answered") exit
            if (!words) words = last
            if (!words) words = said
            sub(/^[0-9T:-]+Z /, "", words)
            print (words ? words : "no answer")
        }' "$folder/said"
    rm -rf "$folder"
    folder=
}

# A generation without these files, such as an earlier one, is not concerned.
grep -qxF "LoadCredential=nts.crt:$certificate" "$root/current/chronyd.service" 2>/dev/null || exit 0
tries=3
while [ "$tries" -gt 0 ]; do
    await_quiet
    state=$(nts_files_state "$certificate" "$key")
    case $state in
        same)
            rm -f "$refused"
            exit 0
            ;;
        # It reads them when it starts.
        stopped) exit 0 ;;
        missing) why="$certificate or $key is missing" ;;
        other) why=$(reason_against) ;;
    esac
    if [ -n "$why" ]; then
        mkdir -p "${refused%/*}"
        chmod 0755 "${refused%/*}"
        echo "$why" >"$refused"
        chmod 0644 "$refused"
        echo "the renewed certificate is not served: $why" >&2
        exit 1
    fi
    echo "restarting chronyd with the renewed certificate"
    systemctl restart chronyd.service || exit 1
    # They may have changed once more meanwhile.
    tries=$((tries - 1))
done
