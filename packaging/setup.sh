#!/bin/sh
# After `make install`: the user, the configuration's place, and systemd's knowledge of the unit. Changes nothing that is there.
set -eu
prefix=$1
if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers "$prefix/lib/sysusers.d/ocpp-gateway.conf"
fi
mkdir -p /etc/ocpp-gateway/profiles
[ -e /etc/ocpp-gateway/gateway.yaml ] ||
    install -m 0640 "$prefix/share/ocpp-gateway/examples/gateway.yaml" /etc/ocpp-gateway/gateway.yaml
chgrp -R ocpp-gateway /etc/ocpp-gateway 2>/dev/null || true
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
echo "Edit /etc/ocpp-gateway/gateway.yaml, then: ocpp-cli check && systemctl enable --now ocpp-gateway"
