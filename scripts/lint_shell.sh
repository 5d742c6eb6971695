#!/usr/bin/env bash
# Look at every shell script of the project with shellcheck, also at those that are templates.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
if ! command -v shellcheck > /dev/null; then
    echo "shellcheck is not installed (make system): shell scripts were not looked at" >&2
    [[ ${CI:-} != true ]]
    exit
fi
shellcheck .ci/run scripts/*.sh tests/lab/*.sh
find roles -name '*.sh.j2' -print0 | while IFS= read -r -d '' template; do
    # a value stands for every expression, a comment for every managed-by line
    sed -e 's/^# {{ .* }}$/# managed/' -e 's/{{ [^}]* }}/value/g' "$template" | shellcheck -
done
