#!/bin/sh
# Managed by Ansible (vendhub.ops.daily_check_script): VendHub's daily health check of this host.
# Exit code: 0 ok, 1 warning, 2 critical, 3 unknown. Reads /etc/vendhub-ops/daily-check.json; --help says more.
here=$(dirname -- "$(readlink -f -- "$0")")
exec python3 "$here/daily-check.pyz" "$@"
