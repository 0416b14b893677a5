"""What firmware updates need: a manufacturer, signed images, and a hook that installs them into the directory of a site."""
import base64
import datetime
import math
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness import WAIT, until

# program install|confirm IMAGE [address unit]: what an image says in its first line is what becomes of it.
HOOK = """#!/bin/sh
here=$(dirname "$0")
echo "$@" >>"$here/hook.log"
echo $$ >"$here/hook.pid"
kind=$(head -n 1 "$2" | tr -d '\\0')
if [ "$1" = confirm ]; then
    [ -e "$here/active" ] || { echo "not in force"; exit 1; }
    exit 0
fi
echo "installing $kind"
while [ -e "$here/hold" ]; do sleep 0.05; done
case "$kind" in
now) touch "$here/active"; exit 0 ;;
restart) touch "$here/active"; exit 3 ;;
rollback) exit 3 ;;
unsuitable) exit 4 ;;
*) exit 1 ;;
esac
"""


def after(seconds):
    """That time from now, or a little later, as OCPP writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(math.ceil(time.time() + seconds)))


class Manufacturer:
    """A root, and a signing certificate below it."""

    def __init__(self, name="manufacturer", days=10):
        self.root_key, self.key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self.root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.root = self.build(self.root_name, self.root_key.public_key(), days, True)
        self.certificate = self.build(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name + " signs")]), self.key.public_key(),
                                      days, False)
        self.root_pem, self.pem = (c.public_bytes(serialization.Encoding.PEM).decode() for c in (self.root, self.certificate))

    def build(self, subject, public_key, days, ca):
        now = datetime.datetime.utcnow()
        usage = x509.KeyUsage(digital_signature=not ca, content_commitment=False, key_encipherment=False, data_encipherment=False,
                              key_agreement=False, key_cert_sign=ca, crl_sign=ca, encipher_only=False, decipher_only=False)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.root_name).public_key(public_key)
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=20))
                .not_valid_after(now + datetime.timedelta(days=days))
                .add_extension(x509.BasicConstraints(ca=ca, path_length=None), True).add_extension(usage, True)
                .sign(self.root_key, hashes.SHA256()))

    def sign(self, image):
        return base64.b64encode(self.key.sign(image, ec.ECDSA(hashes.SHA256()))).decode()

    def revoke(self):
        """PEM of a list with the signing certificate."""
        now = datetime.datetime.utcnow()
        entry = (x509.RevokedCertificateBuilder().serial_number(self.certificate.serial_number).revocation_date(now).build())
        return (x509.CertificateRevocationListBuilder().issuer_name(self.root_name).last_update(now)
                .next_update(now + datetime.timedelta(days=1)).add_revoked_certificate(entry)
                .sign(self.root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode())

    def request(self, url, image=b"", request_id=1, retrieve=-7200, install=None, **more):
        """UpdateFirmware; `signature` and `certificate` may be given, None leaves them out."""
        firmware = {"location": url, "retrieveDateTime": after(retrieve),
                    "signingCertificate": more.pop("certificate", self.pem), "signature": more.pop("signature", self.sign(image))}
        if install is not None:
            firmware["installDateTime"] = after(install)
        return {"requestId": request_id, "firmware": {k: v for k, v in firmware.items() if v is not None}, **more}


def image(kind, size=200000):
    return kind.encode() + b"\n" + bytes(size)


def prepare(site, manufacturer, options="", slot=True):
    """A hook and a configuration for the site."""
    hook = site.directory / "hook"
    hook.write_text(HOOK)
    hook.chmod(0o755)
    (site.directory / "manufacturer.pem").write_text(manufacturer.root_pem)
    place = f"slot: {site.directory}/image, install_hook: [{hook}], " if slot else ""
    site.gateway_options = f", firmware: {{ {place}roots: {site.directory}/manufacturer.pem{options} }}"
    return site


def restarted(site):
    """The gateway ends of its own accord, in order; and is started again, as systemd would."""
    process = site.processes["gateway"]
    until(lambda: process.poll() is not None, "the gateway does not end", WAIT)
    site.processes.pop("gateway")
    assert process.returncode == 0, site.log("gateway")[-3000:]
    site.start_gateway()
