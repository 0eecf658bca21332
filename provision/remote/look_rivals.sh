# shellcheck shell=sh
# Print "id|load state|active state|unit file state|path" of each unit named.
set -eu
for unit; do
    systemctl show -p Id -p LoadState -p ActiveState -p UnitFileState -p FragmentPath "$unit" | awk -F= '
        { value[$1] = $2 }
        END {
            print value["Id"] "|" value["LoadState"] "|" value["ActiveState"] "|" value["UnitFileState"] "|" value["FragmentPath"]
        }'
done
