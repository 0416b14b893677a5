"""What stands around a CSMS: certificate authorities and TLS. File servers: tests/system/file_servers.py."""
import base64
import datetime
import ipaddress
import ssl
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


def new_key(kind="ec"):
    return rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def certificate_pem(*certificates):
    return "".join(c.public_bytes(serialization.Encoding.PEM).decode() for c in certificates)


def name(common_name, organization=None):
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


class Authority:
    """A root, or below `parent` an intermediate. With a `responder` its certificate, and those it issues, name this OCSP responder."""

    def __init__(self, common_name, parent=None, key_kind="ec", valid=(-DAY, 30 * DAY), responder=None):
        self.parent, self.key = parent, new_key(key_kind)
        self.more = [(self.access(responder), False)] if responder else []
        issuer = parent or self
        self.name = name(common_name, "Test")
        self.certificate = self.build(self.name, self.key.public_key(), issuer, valid,
                                      (x509.BasicConstraints(ca=True, path_length=None), True),
                                      (self.usage(sign_certificates=True), True), *self.more)
        self.pem = certificate_pem(self.certificate)

    @staticmethod
    def access(responder):
        return x509.AuthorityInformationAccess(
            [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(responder))])

    @staticmethod
    def usage(sign_certificates=False):
        return x509.KeyUsage(digital_signature=not sign_certificates, content_commitment=False, key_encipherment=False,
                             data_encipherment=False, key_agreement=False, key_cert_sign=sign_certificates,
                             crl_sign=sign_certificates, encipher_only=False, decipher_only=False)

    @staticmethod
    def build(subject, public_key, issuer, valid, *extensions):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.name).public_key(public_key)
                   .serial_number(x509.random_serial_number()).not_valid_before(now + valid[0]).not_valid_after(now + valid[1])
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(issuer.key, hashes.SHA256())

    def chain(self, certificate):
        """PEM of the certificate and what stands between it and the root."""
        pem, above = certificate_pem(certificate), self
        while above.parent:
            pem, above = pem + above.pem, above.parent
        return pem

    def issue(self, common_name, *uses, addresses=(), public_key=None, key_kind="ec", organization=None, valid=(-DAY, 10 * DAY)):
        """(certificate, key or None) for these extended key usages."""
        key = None if public_key else new_key(key_kind)
        extensions = [(x509.BasicConstraints(ca=False, path_length=None), True), (self.usage(), True), *self.more]
        if uses:
            extensions.append((x509.ExtendedKeyUsage(uses), False))
        if addresses:
            extensions.append((x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]), False))
        certificate = self.build(name(common_name, organization), public_key or key.public_key(), self, valid, *extensions)
        return certificate, key

    def server(self, host, **options):
        """A server's certificate and key; the name in it is `host` unless common_name and addresses say otherwise."""
        options = {"addresses": [host], **options}
        return self.issue(options.pop("common_name", host), ExtendedKeyUsageOID.SERVER_AUTH, **options)

    def client(self, identity, **options):
        """A charging station's own certificate."""
        return self.issue(identity, ExtendedKeyUsageOID.CLIENT_AUTH, **{"organization": "Test", **options})

    def sign_request(self, csr_pem, **options):
        """What a CSMS makes of SignCertificate: the chain, or with `certificate=True` the object."""
        csr = x509.load_pem_x509_csr(csr_pem.encode())
        assert csr.is_signature_valid
        common_name = csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        organization = [a.value for a in csr.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
        certificate, _ = self.issue(common_name, ExtendedKeyUsageOID.CLIENT_AUTH, public_key=csr.public_key(),
                                    **{"organization": organization[0] if organization else "Test", **options})
        return self.chain(certificate)


def ocsp_response(certificate, issuer, status=ocsp.OCSPCertStatus.GOOD):
    """What the issuer says of the certificate, as GetCertificateStatus brings it."""
    now = datetime.datetime.utcnow()
    response = (ocsp.OCSPResponseBuilder()
                .add_response(cert=certificate, issuer=issuer.certificate, algorithm=hashes.SHA1(), cert_status=status, this_update=now,
                              next_update=now + DAY, revocation_time=None, revocation_reason=None)
                .responder_id(ocsp.OCSPResponderEncoding.HASH, issuer.certificate).sign(issuer.key, hashes.SHA256()))
    return base64.b64encode(response.public_bytes(serialization.Encoding.DER)).decode()


def server_context(chain_pem, key, client_roots_pem=None):
    """A TLS server's context; with roots it demands a client certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as both:
        both.write(chain_pem + key_pem(key))
        both.flush()
        context.load_cert_chain(both.name)
    if client_roots_pem:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=client_roots_pem)
    return context
