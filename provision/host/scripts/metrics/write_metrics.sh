# shellcheck shell=dash
# Write the state of chronyd as metrics for node_exporter's textfile collector, in the text format of Prometheus (0.0.4). It
# runs as chronyd's account and replaces the file as a whole. If chronyd does not answer, "chrony_up 0" is all there is.
# The answers are chronyc's CSV (client.c of chrony); of a line or a value that is not as expected, nothing is written.
# The caller assigns its variables (scripts.load_with):
: "${root?our folder on the host}"
: "${file?the file to write}"
: "${families?a line for each metric, in the order of the file: name, type and help}"
set -u
LC_ALL=C
export LC_ALL
umask 022
chronyc=$root/current/build/bin/chronyc
trap 'rm -f "$file.new"' EXIT
trap 'rm -f "$file"; exit 1' HUP INT TERM

# Over its socket, which also answers what it tells no other account, and is there under "cmdport 0".
query() { # -n OR -N, COMMAND
    timeout -s KILL 5 "$chronyc" -h /run/chrony/chronyd.sock -c "$1" "$2" 2>/dev/null
}

print_answers() {
    local tracking command
    echo "==> tracking"
    tracking=$(query -n tracking) || return 0
    echo "$tracking"
    for command in sources authdata ntpdata sourcestats; do
        echo "==> $command"
        query -n "$command"
    done
    # The same sources, by the names in chrony.conf.
    echo "==> names"
    query -N sources
    # A client counts no requests.
    ! grep -Eqi '^[[:space:]]*port[[:space:]]+0+[[:space:]]*$' "$root/current/chrony.conf" || return 0
    echo "==> serverstats"
    query -n serverstats
}

print_metrics() {
    { echo "==> families"; echo "$families"; print_answers; } | awk -F, '
    # The name of a reference clock may have up to four commas, which chronyc does not quote. Here each of them is a
    # character that is in no answer, until the name becomes a label.
    function hide_commas(place, fields,    i, line, separator) {
        if (NF <= fields || NF > fields + 4) return
        line = $1
        for (i = 2; i <= NF; i++) {
            separator = i > place && i <= place + NF - fields ? comma : ","
            line = line separator $i
        }
        $0 = line
    }

    BEGIN { comma = "\001" }
    /^==> / { section = substr($0, 5); next }
    section == "families" { family[++families] = $0 }
    section == "tracking" { hide_commas(2, 14) }
    section == "sources" || section == "names" { hide_commas(3, 10) }
    section == "sourcestats" { hide_commas(1, 8) }
    section == "tracking" && NF == 14 { up = 1; for (i = 1; i <= NF; i++) clock[i] = $i }
    section == "sources" && NF == 10 { source[++sources] = $0; address[sources] = $3; nth[sources] = ++total[$3] }
    section == "names" && NF == 10 { name[++names] = $3 }
    section == "authdata" && NF == 10 { mode[$1] = $2; key[$1] = $3 }
    section == "ntpdata" && NF >= 33 { answer[$1] = $0 }
    section == "sourcestats" && NF == 8 { statistics[$1, ++of_address[$1]] = $0 }
    section == "serverstats" && NF >= 8 { counters = $0 }

    function is_number(text) {
        # Of hundreds of digits, a reader would make infinity.
        return text ~ /^-?[0-9]+(\.[0-9]+)?$/ && length(text) <= 41
    }
    # Remember a sample. Twice the same would make the whole file invalid, and so would "nan" for some of its readers.
    function add(metric, labels, value) {
        if (!is_number(value) || (metric, labels) in known) return
        known[metric, labels] = 1
        samples[metric] = samples[metric] metric (labels == "" ? "" : "{" labels "}") " " value "\n"
    }
    # Return a label. Other characters than those of ASCII that can be printed could make the file invalid.
    function label(name, text,    i, char, escaped) {
        for (i = 1; i <= length(text); i++) {
            char = substr(text, i, 1)
            if (char == comma) char = ","
            else if (char == "\\" || char == "\"") char = "\\" char
            else if (char < " " || char > "~") char = "?"
            escaped = escaped char
        }
        return name "=\"" escaped "\""
    }
    function power_of_two(exponent,    power) {
        for (power = 1; exponent > 0; exponent--) power *= 2
        for (; exponent < 0; exponent++) power /= 2
        return sprintf("%.10f", power)
    }
    # Return how many of eight requests were answered, from the octal digits of the register.
    function answered(reach,    i, digit, number) {
        for (i = 1; i <= length(reach); i++)
            for (digit = substr(reach, i, 1) + 0; digit > 0; digit = int(digit / 2)) number += digit % 2
        return number
    }

    function add_clock(    followed, reference, of_reference, i) {
        for (i = sources; i > 0; i--) if (substr(source[i], 3, 1) == "*") followed = i
        if (followed) { reference = address[followed]; of_reference = name[followed] }
        if (clock[1] == "7F7F0101") reference = of_reference = "127.127.1.1"
        followed = followed && clock[14] != "Not synchronised" && clock[1] != "00000000" && clock[1] != "7F7F0101"
        add("chrony_tracking_info", label("tracking_address", reference) "," label("tracking_name", of_reference) "," \
            label("tracking_refid", clock[1]), 1)
        add("chrony_tracking_last_offset_seconds", "", clock[6])
        add("chrony_tracking_reference_timestamp_seconds", "", clock[4])
        add("chrony_tracking_system_time_seconds", "", clock[5])
        add("chrony_tracking_remote_reference", "", followed ? 1 : 0)
        add("chrony_tracking_rms_offset_seconds", "", clock[7])
        add("chrony_tracking_root_delay_seconds", "", clock[11])
        add("chrony_tracking_root_dispersion_seconds", "", clock[12])
        add("chrony_tracking_frequency_ppms", "", clock[8])
        add("chrony_tracking_residual_frequency_ppms", "", clock[9])
        add("chrony_tracking_skew_ppms", "", clock[10])
        add("chrony_tracking_update_interval_seconds", "", clock[13])
        add("chrony_tracking_stratum", "", clock[3])
        add("chrony_provision_synchronised", "", followed ? 1 : 0)
        add("chrony_provision_leap_info", label("leap", tolower(clock[14])), 1)
        if (is_number(clock[5]) && is_number(clock[11]) && is_number(clock[12]))
            add("chrony_provision_error_bound_seconds", "",
                sprintf("%.10f", (clock[5] < 0 ? -clock[5] : clock[5]) + clock[12] + clock[11] / 2))
    }
    function add_source(i,    f, labels, last, authentication) {
        split(source[i], f, ",")
        labels = label("source_address", f[3]) "," label("source_name", name[i])
        # Several reference clocks may have one name.
        if (total[f[3]] > 1) labels = labels "," label("source_number", nth[i])
        # The power of two of a large number would take for ever.
        if (!(f[1] in kinds) || !(f[2] in states) || f[6] !~ /^[0-3]?[0-7]?[0-7]$/ || f[5] !~ /^-?[0-9][0-9]?$/) return
        add("chrony_sources_last_sample_age_seconds", labels, f[7])
        add("chrony_sources_reachability_ratio", labels, sprintf("%.3f", answered(f[6]) / 8))
        last = substr(f[6], length(f[6])) % 2
        add("chrony_sources_reachability_success", labels, last)
        add("chrony_sources_last_sample_offset_seconds", labels, f[8])
        add("chrony_sources_last_sample_error_margin_seconds", labels, f[10])
        add("chrony_sources_polling_interval_seconds", labels, power_of_two(f[5]))
        add("chrony_sources_state_info", labels "," label("source_state", states[f[2]]) "," \
            label("source_mode", kinds[f[1]]), 1)
        add("chrony_sources_stratum", labels, f[4])
        if (f[7] != never && f[3] in answer) add_answer(labels, answer[f[3]])
        if ((f[3], nth[i]) in statistics) add_statistics(labels, statistics[f[3], nth[i]])
        authentication = "unknown"
        if (f[3] in answer && f[3] in mode) authentication = authentications[mode[f[3]]]
        add("chrony_provision_source_info", labels "," label("authentication", authentication) "," \
            label("key_id", authentication == "key" ? key[f[3]] : ""), 1)
        if (authentication == "key" || authentication == "nts") {
            split(answer[f[3]], f, ",")
            add("chrony_provision_source_authenticated", labels, f[28] == "Yes" ? 1 : 0)
        }
    }
    function add_answer(labels, line,    f) {
        split(line, f, ",")
        # It has measurements of the process before (-r), and has not answered this one.
        if (f[33] == 0) return
        add("chrony_sources_peer_offset_seconds", labels, f[19])
        add("chrony_sources_peer_delay_seconds", labels, f[20])
        add("chrony_sources_peer_dispersion_seconds", labels, f[21])
        add("chrony_sources_peer_response_time_seconds", labels, f[22])
        add("chrony_sources_peer_jitter_asymmetry_seconds", labels, f[23])
    }
    function add_statistics(labels, line,    f) {
        split(line, f, ",")
        # Zeros: there are no samples.
        if (f[2] == 0) return
        add("chrony_sourcestats_samples", labels, f[2])
        add("chrony_sourcestats_runs", labels, f[3])
        add("chrony_sourcestats_span_seconds", labels, f[4])
        add("chrony_sourcestats_frequency_ppms", labels, f[5])
        add("chrony_sourcestats_frequency_skew_ppms", labels, f[6])
        add("chrony_sourcestats_offset", labels, f[7])
        add("chrony_sourcestats_stddev", labels, f[8])
    }
    # The metrics of serverstats are in the order of its fields: 8 in chrony 4.0 and 4.1, 11 in 4.2 and 4.3, 17 since 4.4.
    function add_counters(    f, i, place, word) {
        split(counters, f, ",")
        for (i = 1; i <= families; i++) {
            split(family[i], word, " ")
            if (word[1] ~ /^chrony_serverstats_/) add(word[1], "", f[++place])
        }
    }

    END {
        never = "4294967295"
        kinds["^"] = "client"; kinds["="] = "peer"; kinds["#"] = "reference clock"
        states["*"] = "sync"; states["+"] = "candidate"; states["-"] = "outlier"
        states["x"] = "falseticker"; states["~"] = "jittery"; states["?"] = "unreach"
        authentications["-"] = "none"; authentications["SK"] = "key"; authentications["NTS"] = "nts"
        # A source was replaced between the two questions.
        if (names != sources) for (i = 1; i <= sources; i++) name[i] = address[i]
        add("chrony_up", "", up + 0)
        if (up) {
            add_clock()
            for (i = 1; i <= sources; i++) add_source(i)
            add_counters()
        }
        for (i = 1; i <= families; i++) {
            split(family[i], word, " ")
            if (!(word[1] in samples)) continue
            print "# HELP " word[1] " " substr(family[i], length(word[1]) + length(word[2]) + 3)
            print "# TYPE " word[1] " " word[2]
            printf "%s", samples[word[1]]
        }
    }'
}

# Without a new file there is none: an old one would tell the values of another time.
if print_metrics >"$file.new" && mv -f "$file.new" "$file"; then exit 0; fi
rm -f "$file"
exit 1
