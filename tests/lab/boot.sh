#!/bin/sh
# The power supply of one host: starts it in control groups of its own, and again whenever it reboots.
# boot.sh NAMESPACE CONTROL_GROUP... -- PROGRAM ARGUMENT...
set -eu
namespace=$1
shift
while [ "$1" != -- ]; do
    echo $$ > "$1/cgroup.procs"
    shift
done
shift
while :; do
    status=0
    "$@" || status=$?
    [ "$status" -eq 133 ] || exit "$status"
    # the namespace outlives the host: rules of a firewall must not outlive a reboot
    ip netns exec "$namespace" nft flush ruleset
done
