# shellcheck shell=sh
# Print "id|load state|active state|unit file state|path" of each unit named.
set -eu
# One call for all: an empty line ends each unit's properties. Not in the pipe, where its failure would be lost.
units=$(systemctl show -p Id -p LoadState -p ActiveState -p UnitFileState -p FragmentPath "$@")
echo "$units" | awk -F= -v OFS='|' '
    function unit() {
        if ("Id" in value)
            print value["Id"], value["LoadState"], value["ActiveState"], value["UnitFileState"], value["FragmentPath"]
        delete value
    }
    NF { value[$1] = $2; next }
    { unit() }
    END { unit() }'
