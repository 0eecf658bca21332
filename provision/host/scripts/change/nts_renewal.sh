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
# Such as behind NAT, a certificate may be for addresses alone that this host does not have.
: "${address?an address of this host at which the name is asked, or nothing: chronyd has to load the files, and nobody asks it}"
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
state_folder=/run/chrony-nts-renewal
refused=$state_folder/refused
# The only folder with copies of the files; one that a killed run has left is removed, too.
folder=$state_folder/trial
trap 'rm -rf "$folder"' EXIT
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

# Succeed if the files are still those that were judged.
# Reads: certificate judged key
are_judged() {
    [ "$(digest_of "$certificate" "$key")" = "$judged" ]
}

# Print from the output of a trial why clients got no time; nothing if they did. If nobody asked, print why chronyd has not loaded
# the files; it goes on without them.
# Reads: address
reason_in() { # FILE
    awk -v address="$address" '
        /^==> / { section = $0; next }
        section == "==> daemon" && $0 == "running" { runs = 1 }
        section == "==> nts right" && !outcome { outcome = $0; next }
        section == "==> nts right" { words = $0 }
        section == "==> log" { if (/credentials/) words = $0; last = $0 }
        { said = $0 }
        END {
            if (outcome == "answered") exit
            if (!address && runs && !words && section == "==> finished") exit
            if (!words) words = last
            if (!words) words = said
            sub(/^[0-9T:-]+Z /, "", words)
            print (words ? words : "no answer")
        }' "$1"
}

# Try the files; "why" is the reason why clients would get no time with them, and empty if they do.
# Reads: account address as_builder authority certificate folder key name other_authority other_name rehearse root
# Sets: judged why
try_files() {
    local trusted words
    rm -rf "$folder"
    mkdir -m 0711 "$folder"
    mkdir -m 0700 "$folder/credentials" "$folder/work"
    if ! { cat "$certificate" >"$folder/credentials/nts.crt" && cat "$key" >"$folder/credentials/nts.key"; } 2>/dev/null; then
        judged=$(digest_of "$certificate" "$key")
        why="$certificate and its key cannot be copied to $folder"
        return
    fi
    judged=$(digest_of "$folder/credentials/nts.crt" "$folder/credentials/nts.key")
    chown -R "$account:" "$folder/credentials"
    trusted=$authority
    if [ -z "$trusted" ]; then
        trusted=$(print_chain "$folder/credentials/nts.crt" |
            awk '/BEGIN/ { one = "" } { one = one $0 "\n" } END { printf "%s", one }')
    fi
    { [ -z "$address" ] || echo "$address $name $other_name"; cat /etc/hosts 2>/dev/null; } >"$folder/hosts"
    printf '%s\n' "$trusted" >"$folder/authority"
    printf '%s\n' "$other_authority" >"$folder/other"
    printf '%s\n' "$rehearse" >"$folder/rehearse"
    words="$root/current '' 0 $folder/credentials"
    [ -z "$address" ] ||
        words="$words $address $name \"\$(cat $folder/authority)\" $other_name \"\$(cat $folder/other)\""
    printf 'set -- %s\n. %s/rehearse\n' "$words" "$folder" >"$folder/trial"
    chmod 0644 "$folder"/hosts "$folder"/authority "$folder"/other "$folder"/rehearse "$folder"/trial
    (with_hosts "$folder/hosts" sh -c "$as_builder" as_builder "$folder/work" "$account" ". $folder/trial" own) \
        >"$folder/said" 2>&1
    why=$(reason_in "$folder/said") || why="the trial has left no output"
    rm -rf "$folder"
}

# Note why the files that were judged are of no use, and end.
# Reads: judged refused
refuse() { # WHY
    { echo "$1"; echo "$judged"; } >"$refused"
    chmod 0644 "$refused"
    echo "the renewed certificate is not served: $1" >&2
    exit 1
}

# Succeed if the current generation has these files; another one, such as an earlier one, is not concerned.
# Reads: certificate root
is_concerned() {
    grep -qxF "LoadCredential=nts.crt:$certificate" "$root/current/chronyd.service" 2>/dev/null
}

# Restart chronyd with the files that were judged, but not in the middle of a switch: it holds this lock (take_lock in switch).
# After one, there may be nothing left to do.
# Reads: certificate key root
restart_chronyd() {
    (
        flock -w 180 9 || { echo "a switch has been running for more than 180 s" >&2; exit 1; }
        if is_concerned && are_judged && [ "$(nts_files_state "$certificate" "$key")" = other ]; then
            echo "restarting chronyd with the renewed certificate"
            systemctl restart chronyd.service
        fi
    ) 9>>"$root/locks/switch"
}

is_concerned || exit 0
mkdir -p "$state_folder"
chmod 0755 "$state_folder"
judged=
tries=5
while [ "$tries" -gt 0 ]; do
    # A switch may have come meanwhile.
    is_concerned || exit 0
    tries=$((tries - 1))
    await_quiet
    why=
    case $(nts_files_state "$certificate" "$key") in
        same)
            # At its restart, chronyd may have got files that came after those that were tried, or that were refused.
            are_judged || [ -z "$judged$(refusal_of "$certificate" "$key")" ] || try_files
            if [ -z "$why" ] && { [ -z "$judged" ] || are_judged; }; then
                rm -f "$refused"
                exit 0
            fi
            ;;
        # It reads them when it starts.
        stopped) exit 0 ;;
        missing)
            judged=$(digest_of "$certificate" "$key")
            why="$certificate or $key is missing"
            ;;
        other) try_files ;;
    esac
    # systemd does not see a change that comes while this script runs.
    are_judged || continue
    [ -z "$why" ] || refuse "$why"
    restart_chronyd || exit 1
done
# The last try may have succeeded.
is_concerned || exit 0
if [ -z "$why" ] && are_judged; then
    case $(nts_files_state "$certificate" "$key") in
        same)
            rm -f "$refused"
            exit 0
            ;;
        stopped) exit 0 ;;
    esac
fi
judged=$(digest_of "$certificate" "$key")
refuse "$certificate or $key changes again and again"
