#!/usr/bin/env bash
# Build the artefact, install it where nothing of this checkout is, and run the daily check from there.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
bin=$PWD/.venv/bin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$bin/ansible-galaxy" collection build --output-path "$work/dist" . > /dev/null
archive=$(echo "$work"/dist/vendhub-ops-*.tar.gz)
tar -tzf "$archive" > "$work/files"
if grep -E '^(tests|benchmarks|demo|\.ci|\.venv|\.cache|\.collections|\.demo)/' "$work/files"; then
    echo "these files do not belong into the artefact (galaxy.yml: build_ignore)" >&2
    exit 1
fi

export ANSIBLE_COLLECTIONS_PATH=$work/collections HOME=$work/home
mkdir -p "$HOME"
cd "$work"
"$bin/ansible-galaxy" collection install --offline "$archive" > /dev/null
"$bin/ansible-galaxy" collection verify --offline vendhub.ops > /dev/null
"$bin/ansible-doc" -t module vendhub.ops.health_check > /dev/null
cat > hosts.yml <<EOF
vendhub:
  hosts:
    here:
      ansible_connection: local
      ansible_python_interpreter: $bin/python
EOF
"$bin/ansible-playbook" -i hosts.yml vendhub.ops.daily_check -e vendhub_fail_on=never > run.log || { cat run.log; exit 1; }
test -s vendhub-reports/latest/report.html
echo "$(basename "$archive"): $(wc -l < files) files, $(stat -c %s "$archive") bytes; installs and runs"
