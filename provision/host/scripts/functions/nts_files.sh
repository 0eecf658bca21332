# shellcheck shell=dash
# Compare a certificate of the host, and its key, with those that chronyd serves. systemd has given copies of them to the service
# when it started (templates/chronyd.service.j2). No key material is printed.
served=/run/credentials/chronyd.service

# Print the certificates in a file, and nothing else that may be in it.
print_chain() { # FILE
    awk '/^-----BEGIN CERTIFICATE-----/ { inside = 1 } inside { print } /^-----END CERTIFICATE-----/ { inside = 0 }' \
        "$1" 2>/dev/null
}

# Print a digest of a pair of files.
digest_of() { # CERTIFICATE KEY
    cat "$1" "$2" 2>/dev/null | sha256sum
}

# Print why these files were refused when they were tried (nts_renewal.sh); nothing if they were not, or have changed since.
refusal_of() { # CERTIFICATE KEY
    local why digest
    { read -r why && read -r digest; } 2>/dev/null </run/chrony-nts-renewal/refused || return 0
    [ "$digest" != "$(digest_of "$1" "$2")" ] || echo "$why"
}

# Print whether chronyd serves with the files of the host: same, other, missing if the host lacks one, or stopped.
# Reads: served
nts_files_state() { # CERTIFICATE KEY
    if [ ! -s "$1" ] || [ ! -s "$2" ]; then
        echo missing
    elif [ ! -e "$served/nts.crt" ]; then
        echo stopped
    elif cmp -s "$1" "$served/nts.crt" && cmp -s "$2" "$served/nts.key"; then
        echo same
    else
        echo other
    fi
}

# Show the state of the files of the host that the current generation names, and what is served; nothing if it names none.
# $1: our folder on the host.
# Reads: served
show_nts_files() {
    local certificate key unit
    unit=$1/current/chronyd.service
    certificate=$(sed -n 's/^LoadCredential=nts.crt://p' "$unit" 2>/dev/null)
    key=$(sed -n 's/^LoadCredential=nts.key://p' "$unit" 2>/dev/null)
    case $certificate in "" | "$1"/*) return 0 ;; esac
    echo "==> nts files"
    echo "certificate=$certificate"
    echo "state=$(nts_files_state "$certificate" "$key")"
    echo "refused=$(refusal_of "$certificate" "$key")"
    echo "==> nts served"
    print_chain "$served/nts.crt" || true
}
