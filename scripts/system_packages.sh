#!/usr/bin/env bash
# What the tests need beside Python packages: real servers and tools from the distribution.
# As root on Debian or Ubuntu the missing ones are installed, elsewhere they are named; with CI=true a gap is an error.
set -euo pipefail

# program=package
needed=(
    shellcheck=shellcheck
    chromium=chromium
    chromedriver=chromium-driver
    nginx=nginx-light
    prometheus=prometheus
    redis-server=redis-server
    /usr/lib/postgresql/15/bin/postgres=postgresql-15
    openssl=openssl
    sshd=openssh-server
    mmdebstrap=mmdebstrap
    systemd-nspawn=systemd-container
    nft=nftables
    zstd=zstd
    ip=iproute2
    ssh=openssh-client
    pebble=pebble
)

missing=()
for pair in "${needed[@]}"; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%=*}" > /dev/null || missing+=("${pair##*=}")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

if [[ $EUID -eq 0 ]] && command -v apt-get > /dev/null; then
    printf 'Installing %s\n' "${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # the servers are started by the tests themselves, never by the distribution
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod 755 "$policy"
    fi
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
    exit 0
fi

printf 'Missing system packages: %s. Install them; tests that need them are skipped by name.\n' "${missing[*]}" >&2
[[ ${CI:-} != true ]]
