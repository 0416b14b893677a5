#!/bin/sh
# After `make install`: the user, the configuration's place, and systemd's knowledge of the unit. Changes nothing that is there.
set -eu
prefix=$1
if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers "$prefix/lib/sysusers.d/ocpp-gateway.conf"
fi
mkdir -p /etc/ocpp-gateway/profiles
[ -e /etc/ocpp-gateway/gateway.yaml ] ||
    install -m 0660 "$prefix/share/ocpp-gateway/examples/gateway.yaml" /etc/ocpp-gateway/gateway.yaml
chgrp -R ocpp-gateway /etc/ocpp-gateway 2>/dev/null || true
chmod g+rwxs,o= /etc/ocpp-gateway /etc/ocpp-gateway/profiles # the web UI changes the configuration and adds profiles
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
echo "Now: systemctl enable --now ocpp-gateway, and open https://THIS-HOST:8443 (setup token: journalctl -u ocpp-gateway)"
