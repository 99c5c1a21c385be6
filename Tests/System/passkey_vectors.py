"""Makes Tests/SparekeyCoreTests/passkey-vectors.json: answers of authenticators, good ones and ones with one fault.

    passkey_vectors.py make FILE     makes the vectors anew, with new keys; needs Chromium
    passkey_vectors.py check FILE    asks python-fido2, another relying party, what it says to them

Authenticators: one written here (keys and signatures by `cryptography`, bytes by hand or by python-fido2), soft-webauthn,
and Chromium with its virtual authenticator, driven by the pages' own script.

Every faulty answer is signed after the fault was put in, so that nothing else is wrong with it. The attestation is
"packed" with the passkey's own signature where that makes the signature cover the fault.
"""

import contextlib
import datetime
import hashlib
import http.server
import json
import os
import pathlib
import struct
import sys
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from fido2 import cbor, cose, features
from fido2.attestation import PackedAttestation
from fido2.server import Fido2Server
from fido2.webauthn import AttestedCredentialData, PublicKeyCredentialRpEntity
from soft_webauthn import SoftWebauthnDevice

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")

# It may be set once in a process, and other tests need it too.
with contextlib.suppress(ValueError):
    features.webauthn_json_mapping.enabled = True

RP = {"id": "accounts.example.org", "origin": "https://accounts.example.org", "name": "Sparekey"}
UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
EDDSA, ES256, RS256 = -8, -7, -257


def text(data):
    return urlsafe_b64encode(data).decode().rstrip("=")


def data(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


CHALLENGE = hashlib.sha256(b"Sparekey passkey vectors: challenge").digest()
USER_HANDLE = hashlib.sha512(b"Sparekey passkey vectors: user handle").digest()


def creation_options(rp, exclude=()):
    """What PasskeyCreationOptions has to say, written a second time."""
    return {
        "attestation": "none",
        "authenticatorSelection": {
            "requireResidentKey": True, "residentKey": "required", "userVerification": "required"},
        "challenge": text(CHALLENGE),
        "excludeCredentials": list(exclude),
        "pubKeyCredParams": [{"alg": alg, "type": "public-key"} for alg in (EDDSA, ES256, RS256)],
        "rp": {"id": rp["id"], "name": rp["name"]},
        "timeout": 300000,
        "user": {"displayName": "Kim Ø <kim@example.org>", "id": text(USER_HANDLE), "name": "kim"},
    }


def request_options(rp, allow=()):
    return {
        "allowCredentials": list(allow), "challenge": text(CHALLENGE), "rpId": rp["id"], "timeout": 300000,
        "userVerification": "required",
    }


# --- An authenticator ---


def new_key(alg):
    if alg == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    if alg == ES256:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 2048)


def sign(key, message):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(message, ec.ECDSA(hashes.SHA256()))
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def cose_key(key):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        kind = cose.EdDSA
    else:
        kind = cose.ES256 if isinstance(key, ec.EllipticCurvePrivateKey) else cose.RS256
    return dict(kind.from_cryptography_key(key.public_key()))


def client_data(kind, **changes):
    """As browsers write it (WebAuthn Level 3, section 5.8.1.1). A change to None leaves a member out."""
    members = {"type": f"webauthn.{kind}", "challenge": text(CHALLENGE), "origin": RP["origin"], "crossOrigin": False}
    members.update(changes)
    present = {name: value for name, value in members.items() if value is not None}
    return json.dumps(present, separators=(",", ":"), ensure_ascii=False).encode()


def authenticator_data(flags, count=0, rp_id=RP["id"], rest=b""):
    return hashlib.sha256(rp_id.encode()).digest() + struct.pack(">BI", flags, count) + rest


class Authenticator:
    def __init__(self, alg, credential_id=None):
        self.alg = alg
        self.key = new_key(alg)
        self.id = os.urandom(32) if credential_id is None else credential_id
        self.aaguid = bytes(range(16))

    def attested(self, key=None, credential_id=None):
        """- key: a COSE key to give instead, as a map or as bytes."""
        key = cose_key(self.key) if key is None else key
        if not isinstance(key, bytes):
            key = cbor.encode(key)
        credential_id = self.id if credential_id is None else credential_id
        return self.aaguid + struct.pack(">H", len(credential_id)) + credential_id + key

    def create(self, fmt="packed", client=None, flags=UP | UV | AT, count=0, rp_id=RP["id"], rest=None,
               statement=None, object_bytes=None, tail=b"", transports=("internal", "hybrid")):
        client = client_data("create") if client is None else client
        rest = self.attested() if rest is None else rest
        auth_data = authenticator_data(flags, count, rp_id, rest)
        signed = auth_data + hashlib.sha256(client).digest()
        if statement is None:
            statement = {"alg": self.alg, "sig": sign(self.key, signed)} if fmt == "packed" else {}
        elif callable(statement):
            statement = statement(signed)
        attestation = cbor.encode({"fmt": fmt, "attStmt": statement, "authData": auth_data}) + tail
        if object_bytes is not None:
            attestation = object_bytes(attestation)
        response = {"clientDataJSON": text(client), "attestationObject": text(attestation)}
        if transports is not None:
            response["transports"] = list(transports)
        return self.answer(response)

    def get(self, client=None, flags=UP | UV, count=0, rp_id=RP["id"], rest=b"", user_handle=USER_HANDLE,
            credential_id=None, signature=None, cut=None):
        client = client_data("get") if client is None else client
        auth_data = authenticator_data(flags, count, rp_id, rest)[:cut]
        signed = auth_data + hashlib.sha256(client).digest()
        return self.answer({
            "clientDataJSON": text(client), "authenticatorData": text(auth_data),
            "signature": text(sign(self.key, signed) if signature is None else signature(signed)),
            "userHandle": None if user_handle is None else text(user_handle),
        }, credential_id)

    def answer(self, response, credential_id=None):
        name = text(self.id if credential_id is None else credential_id)
        return {
            "id": name, "rawId": name, "type": "public-key", "response": response,
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
        }

    def stored(self, count=0, backup_eligible=False):
        return {
            "id": text(self.id), "publicKey": text(cbor.encode(cose_key(self.key))), "algorithm": self.alg,
            "signatureCount": count, "backupEligible": backup_eligible,
        }


def certificate(key, subject_key):
    name = x509.Name([
        x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "DE"), x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Test"),
        x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, "Authenticator Attestation"),
        x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test attestation")])
    start = datetime.datetime(2026, 1, 1)
    return (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(subject_key.public_key())
            .serial_number(1).not_valid_before(start).not_valid_after(start + datetime.timedelta(days=36500))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))


class VerifyingSoftDevice(SoftWebauthnDevice):
    """soft-webauthn, which never says that it verified the user, made to say so."""

    def create(self, options, origin):
        answer = super().create(options, origin)
        attestation = cbor.decode(answer["response"]["attestationObject"])
        attestation["authData"] = self._verified(attestation["authData"])
        answer["response"]["attestationObject"] = cbor.encode(attestation)
        return answer

    def get(self, options, origin):
        answer = super().get(options, origin)
        response = answer["response"]
        response["authenticatorData"] = self._verified(response["authenticatorData"])
        client_hash = hashlib.sha256(response["clientDataJSON"]).digest()
        response["signature"] = sign(self.private_key, response["authenticatorData"] + client_hash)
        return answer

    @staticmethod
    def _verified(auth_data):
        return auth_data[:32] + bytes([auth_data[32] | UV]) + auth_data[33:]


def soft_answer(answer):
    """soft-webauthn's answer in the form of toJSON()."""
    response = {name: text(value) for name, value in answer["response"].items()}
    name = text(answer["rawId"])
    return {"id": name, "rawId": name, "type": answer["type"], "response": response, "clientExtensionResults": {}}


# --- The vectors ---


def registrations():
    made = []

    def add(name, expect, answer):
        made.append({"name": name, "expect": expect, "answer": answer})

    one = Authenticator(ES256)
    for alg, label in ((EDDSA, "EdDSA"), (ES256, "ES256"), (RS256, "RS256")):
        add(f"{label}, none", "accepted", Authenticator(alg).create(fmt="none"))
        add(f"{label}, packed, own signature", "accepted", Authenticator(alg).create(count=7))
        certified = new_key(ES256)
        chain = [certificate(certified, certified)]
        add(f"{label}, packed, certificate", "accepted", Authenticator(alg).create(
            statement=lambda signed: {"alg": ES256, "sig": sign(certified, signed), "x5c": chain}))
    certified = new_key(RS256)
    add("packed, RSA certificate", "accepted", one.create(
        statement=lambda signed: {"alg": RS256, "sig": sign(certified, signed), "x5c": [certificate(certified, certified)]}))
    add("may be backed up", "accepted", one.create(flags=UP | UV | AT | BE))
    add("is backed up", "accepted", one.create(flags=UP | UV | AT | BE | BS))
    for extensions in ({"credProtect": 2}, {"hmac-secret": True}, {"hmac-secret": False}, {"future": [1]},
                       {"credProtect": 3, "hmac-secret": True}):
        add(f"with extensions {extensions}", "accepted", one.create(
            flags=UP | UV | AT | ED, rest=one.attested() + cbor.encode(extensions)))
    add("reserved flags", "accepted", one.create(flags=UP | UV | AT | 0x22))
    for count in (1, 1023):
        other = Authenticator(ES256, os.urandom(count))
        add(f"id of {count} bytes", "accepted", other.create())
    add("without crossOrigin and transports", "accepted", one.create(client=client_data("create", crossOrigin=None), transports=None))
    add("client data with members of the future", "accepted", one.create(
        client=client_data("create", future={"a": [1, {"b": None}]}, other_keys_can_be_added_here="yes")))
    add("a format that is not read", "accepted", one.create(fmt="tpm", statement={"ver": "2.0", "sig": b"nonsense"}))

    # Client data
    for name, expect, changes in client_faults("get"):
        add(name, expect, one.create(client=client_data("create", **changes)))
    for name, raw in raw_client_faults("create"):
        add(name, "malformed client data", one.create(client=raw))

    # Authenticator data
    add("another relying party", "wrongRelyingParty", one.create(rp_id="example.org"))
    add("user not present", "userNotPresent", one.create(flags=UV | AT))
    add("user not verified", "userNotVerified", one.create(flags=UP | AT))
    add("backed up though it cannot be", "backupContradiction", one.create(flags=UP | UV | AT | BS))
    add("no credential", "noCredential", one.create(flags=UP | UV, rest=b""))
    malformed = "malformed authenticator data"
    add("credential without its flag", malformed, one.create(flags=UP | UV))
    add("flag without its credential", malformed, one.create(rest=b""))
    add("bytes after the key", malformed, one.create(rest=one.attested() + b"\0"))
    add("extension without its flag", malformed, one.create(rest=one.attested() + cbor.encode({"credProtect": 3})))
    add("flag without its extension", malformed, one.create(flags=UP | UV | AT | ED))
    add("extensions that are no map", malformed, one.create(flags=UP | UV | AT | ED, rest=one.attested() + cbor.encode([1])))
    add("bytes after the extensions", malformed, one.create(
        flags=UP | UV | AT | ED, rest=one.attested() + cbor.encode({"credProtect": 3}) + b"\0"))
    add("no id", malformed, one.create(rest=one.attested(credential_id=b"")) | {"id": "AA", "rawId": "AA"})
    add("id of 1,024 bytes", malformed, one.create(rest=one.attested(credential_id=bytes(1024))))
    add("id longer than what is there", malformed, one.create(rest=bytes(16) + b"\x03\xff" + bytes(64)))
    add("key cut short", malformed, one.create(rest=one.attested()[:-1]))
    add("key that is no map", malformed, one.create(rest=one.attested(key=b"\x01")))
    key = cose_key(one.key)
    pairs = [cbor.encode(name) + cbor.encode(value) for name, value in key.items()]
    add("key with a label twice", malformed, one.create(rest=one.attested(key=b"\xa6" + b"".join(pairs + pairs[:1]))))
    add("key of indefinite length", malformed, one.create(rest=one.attested(key=b"\xbf" + b"".join(pairs) + b"\xff")))

    # Keys
    unsupported = "unsupportedKey"
    large = ec.generate_private_key(ec.SECP384R1())
    for name, other_key, other in (
        ("ES384", dict(cose.ES384.from_cryptography_key(large.public_key())), large),
        ("RSA of 3,072 bits", *rsa_key(3072, 65537)),
        ("RSA of 1,024 bits", *rsa_key(1024, 65537)),
        ("RSA with exponent 3", *rsa_key(2048, 3)),
    ):
        wrong = Authenticator(ES256)
        add(f"key: {name}", unsupported, wrong.create(fmt="none", rest=wrong.attested(key=other_key)))
    x, y = key[-2], key[-3]
    for name, changed in (
        ("algorithm ES256K", {**key, 3: -47}), ("curve P-384", {**key, -1: 2}), ("type OKP", {**key, 1: 1}),
        ("short x", {**key, -2: x[1:]}), ("long y", {**key, -3: b"\0" + y}), ("compressed", {**key, -3: True}),
        ("one more member", {**key, 2: b"kid"}), ("private key", {**key, -4: bytes(32)}),
        ("without algorithm", {label: value for label, value in key.items() if label != 3}),
        ("algorithm RS256", {**key, 3: RS256}), ("labels as texts", {str(label): value for label, value in key.items()}),
        ("empty", {}),
    ):
        add(f"key: {name}", unsupported, one.create(rest=one.attested(key=changed)))
    short = Authenticator(RS256)
    add("key: RSA of 2,040 bits in 256 bytes", unsupported, short.create(fmt="none", rest=short.attested(
        key={**cose_key(short.key), -1: b"\0" + cose_key(short.key)[-1][1:]})))
    for alg, label in ((EDDSA, "EdDSA"), (RS256, "RS256")):
        longer = Authenticator(alg)
        add(f"key: {label} with one more member", unsupported, longer.create(
            rest=longer.attested(key={**cose_key(longer.key), 2: b"kid"})))
    edwards = Authenticator(EDDSA)
    add("key: Ed448", unsupported, edwards.create(rest=edwards.attested(key={**cose_key(edwards.key), -1: 7})))
    add("key: Ed25519 of 31 bytes", unsupported, edwards.create(
        rest=edwards.attested(key={**cose_key(edwards.key), -2: bytes(31)})))

    # Attestation
    wrong = "wrongAttestation"
    stranger = new_key(ES256)
    for alg, label in ((EDDSA, "EdDSA"), (ES256, "ES256"), (RS256, "RS256")):
        own = Authenticator(alg)
        add(f"packed, {label}, one bit of the signature flipped", wrong, own.create(
            statement=lambda signed, own=own, alg=alg: {"alg": alg, "sig": flipped(sign(own.key, signed))}))
        add(f"packed, {label}, signed by another key", wrong, own.create(
            statement=lambda signed, alg=alg: {"alg": alg, "sig": sign(new_key(alg), signed)}))
    add("packed, signature over other client data", wrong, one.create(
        statement=lambda signed: {"alg": ES256, "sig": sign(one.key, signed[:-32] + hashlib.sha256(b"").digest())}))
    add("packed, another algorithm than the key's", wrong, one.create(
        statement=lambda signed: {"alg": EDDSA, "sig": sign(one.key, signed)}))
    add("packed, certificate, one bit of the signature flipped", wrong, one.create(
        statement=lambda signed: {"alg": ES256, "sig": flipped(sign(stranger, signed)), "x5c": [certificate(stranger, stranger)]}))
    add("packed, certificate of another key", wrong, one.create(
        statement=lambda signed: {"alg": ES256, "sig": sign(one.key, signed), "x5c": [certificate(stranger, stranger)]}))
    add("packed, certificate of nonsense", wrong, one.create(
        statement=lambda signed: {"alg": ES256, "sig": sign(one.key, signed), "x5c": [b"nonsense"]}))
    malformed = "malformed attestation"
    good = lambda signed: {"alg": ES256, "sig": sign(one.key, signed)}
    add("packed without signature", malformed, one.create(statement=lambda signed: {"alg": ES256}))
    add("packed with a signature that is a text", malformed, one.create(statement=lambda signed: {"alg": ES256, "sig": "MEQ"}))
    add("packed without algorithm", malformed, one.create(statement=lambda signed: {"sig": sign(one.key, signed)}))
    add("packed with one more member", malformed, one.create(statement=lambda signed: {**good(signed), "ver": "2"}))
    add("packed, certificate, with one more member", malformed, one.create(
        statement=lambda signed: {**good(signed), "x5c": [certificate(stranger, stranger)], "ver": "2"}))
    add("packed with ECDAA", malformed, one.create(statement=lambda signed: {**good(signed), "ecdaaKeyId": b"1"}))
    add("packed with no certificates", malformed, one.create(statement=lambda signed: {**good(signed), "x5c": []}))
    add("packed with a certificate that is a text", malformed, one.create(
        statement=lambda signed: {**good(signed), "x5c": ["MII"]}))
    add("none with a statement", malformed, one.create(fmt="none", statement={"alg": ES256}))
    add("bytes after the attestation", malformed, one.create(tail=b"\0"))
    for name, change in (
        ("cut short", lambda whole: whole[:-1]), ("empty", lambda whole: b""),
        ("no map", lambda whole: cbor.encode([1, 2, 3])),
        ("without a format", lambda whole: without(whole, "fmt")),
        ("without authenticator data", lambda whole: without(whole, "authData")),
        ("without a statement", lambda whole: without(whole, "attStmt")),
        ("with one more member", lambda whole: cbor.encode({**cbor.decode(whole), "epAtt": True})),
        ("with a member twice", lambda whole: b"\xa4" + whole[1:] + cbor.encode("fmt") + cbor.encode("other")),
        ("with a tag", lambda whole: b"\xd9\xd9\xf7" + whole),
        ("nested too deep", lambda whole: cbor.encode({**cbor.decode(whole), "fmt": "other", "attStmt": {"a": [[[1]]]}})),
        ("with a length beyond its end", lambda whole: whole.replace(b"hauthData\x58", b"hauthData\x5b" + b"\xff" * 7)),
        ("of nonsense with one member too many in an array", lambda whole: cbor.encode(
            {"fmt": "other", "attStmt": {"a": [0] * 33}, "authData": cbor.decode(whole)["authData"]})),
        ("with a key that is an array", lambda whole: b"\xa4" + whole[1:] + b"\x80\x00"),
        ("with text that is not UTF-8", lambda whole: whole.replace(b"fpacked", b"fpa\xffked")),
    ):
        add(f"attestation {name}", malformed, one.create(object_bytes=change))

    # Another implementation
    soft, options = SoftWebauthnDevice(), {"publicKey": soft_options(creation_options(RP))}
    add("soft-webauthn as it is", "userNotVerified", soft_answer(soft.create(options, RP["origin"])))
    return made


def assertions():
    made = []

    def add(name, expect, answer, stored, **more):
        made.append({"name": name, "expect": expect, "answer": answer, "credential": stored, **more})

    for alg, label in ((EDDSA, "EdDSA"), (ES256, "ES256"), (RS256, "RS256")):
        own = Authenticator(alg)
        add(label, "accepted", own.get(), own.stored())
        for position, place in ((0, "first"), (-1, "last")):
            add(f"{label}, a bit of the {place} byte of the signature flipped", "wrongSignature",
                own.get(signature=lambda signed, own=own, position=position: flipped(sign(own.key, signed), position)),
                own.stored())
        add(f"{label}, signed by another key", "wrongSignature",
            own.get(signature=lambda signed, alg=alg: sign(new_key(alg), signed)), own.stored())
        add(f"{label}, client data changed after signing", "wrongSignature",
            own.get(signature=lambda signed, own=own: sign(own.key, signed[:-32] + hashlib.sha256(b"").digest())),
            own.stored())
        add(f"{label}, authenticator data changed after signing", "wrongSignature",
            own.get(signature=lambda signed, own=own: sign(own.key, signed[:36] + b"\x09" + signed[37:])), own.stored())
        add(f"{label}, no signature", "wrongSignature", own.get(signature=lambda signed: b""), own.stored())
        add(f"{label}, a byte after the signature", "wrongSignature",
            own.get(signature=lambda signed, own=own: sign(own.key, signed) + b"\0"), own.stored())

    one = Authenticator(ES256)
    for name, expect, changes in client_faults("create"):
        add(name, expect, one.get(client=client_data("get", **changes)), one.stored())
    for name, raw in raw_client_faults("get"):
        add(name, "malformed client data", one.get(client=raw), one.stored())
    add("without crossOrigin", "accepted", one.get(client=client_data("get", crossOrigin=None)), one.stored())
    add("with an extension", "accepted", one.get(flags=UP | UV | ED, rest=cbor.encode({"future": True})), one.stored())

    add("another relying party", "wrongRelyingParty", one.get(rp_id="example.org"), one.stored())
    add("user not present", "userNotPresent", one.get(flags=UV), one.stored())
    add("user not verified", "userNotVerified", one.get(flags=UP), one.stored())
    add("backed up though it cannot be", "backupContradiction", one.get(flags=UP | UV | BS), one.stored())
    add("backed up now", "accepted", one.get(flags=UP | UV | BE | BS), one.stored(backup_eligible=True))
    add("no longer backed up", "accepted", one.get(flags=UP | UV | BE), one.stored(backup_eligible=True))
    add("can be backed up of a sudden", "backupEligibilityChanged", one.get(flags=UP | UV | BE), one.stored())
    add("cannot be backed up any more", "backupEligibilityChanged", one.get(), one.stored(backup_eligible=True))
    malformed = "malformed authenticator data"
    add("with a credential", malformed, one.get(flags=UP | UV | AT, rest=one.attested()), one.stored())
    add("bytes at the end", malformed, one.get(rest=b"\0"), one.stored())
    add("flag without its extension", malformed, one.get(flags=UP | UV | ED), one.stored())
    add("authenticator data cut short", malformed, one.get(cut=36), one.stored())

    other = Authenticator(ES256)
    add("another passkey of the account", "wrongCredential", one.get(), other.stored())
    add("another passkey under this one's id", "wrongSignature", other.get(credential_id=one.id), one.stored())
    add("no user handle", "accepted", one.get(user_handle=None), one.stored())
    add("empty user handle", "accepted", one.get(user_handle=b""), one.stored())
    add("another account's user handle", "wrongUser", one.get(user_handle=USER_HANDLE[::-1]), one.stored())
    add("part of the user handle", "wrongUser", one.get(user_handle=USER_HANDLE[:-1]), one.stored())
    add("found without a username", "accepted", one.get(), one.stored(), isDiscovered=True)
    add("found without a username and without handle", "noUserHandle", one.get(user_handle=None), one.stored(), isDiscovered=True)
    add("stored under another algorithm", "unsupportedKey", one.get(), {**one.stored(), "algorithm": EDDSA})

    top = 0xFFFFFFFF
    for old, new in ((0, 1), (5, 6), (5, 500), (top - 1, top)):
        add(f"counter from {old} to {new}", "accepted", one.get(count=new), one.stored(count=old))
    for old, new in ((5, 5), (5, 4), (5, 0), (top, 0), (top, top)):
        add(f"counter from {old} to {new}", "counterNotIncreased", one.get(count=new), one.stored(count=old))
    return made


def client_faults(other_kind):
    """Name, expected answer, changed members."""
    yield "the other kind of question", "wrongType", {"type": f"webauthn.{other_kind}"}
    yield "no kind of question", "wrongType", {"type": ""}
    yield "another challenge", "wrongChallenge", {"challenge": text(hashlib.sha256(b"other").digest())}
    yield "part of the challenge", "wrongChallenge", {"challenge": text(CHALLENGE[:-1])}
    yield "empty challenge", "wrongChallenge", {"challenge": ""}
    yield "padded challenge", "wrongChallenge", {"challenge": text(CHALLENGE) + "="}
    for origin in (
        "https://example.org", "http://accounts.example.org", "https://accounts.example.org:8443",
        "https://accounts.example.org/", "https://accounts.example.org.evil.example", "https://Accounts.example.org",
        "https://evil.accounts.example.org", "null", "", "android:apk-key-hash:AAAA",
    ):
        yield f"origin {origin or 'empty'}", "wrongOrigin", {"origin": origin}
    yield "cross origin", "crossOrigin", {"crossOrigin": True}
    yield "top origin", "crossOrigin", {"crossOrigin": True, "topOrigin": "https://evil.example"}
    yield "top origin without cross origin", "crossOrigin", {"topOrigin": RP["origin"]}
    yield "cross origin as a text", "malformed client data", {"crossOrigin": "true"}
    for member in ("type", "challenge", "origin"):
        yield f"without {member}", "malformed client data", {member: None}
        yield f"{member} as a number", "malformed client data", {member: 1}


def raw_client_faults(kind):
    whole = client_data(kind)
    yield "client data with the challenge twice", whole.replace(b'{', b'{"challenge":"AAAA",', 1)
    yield "client data with the origin twice", whole[:-1] + b',"origin":"' + RP["origin"].encode() + b'"}'
    yield "client data with the origin twice, once in disguise", whole.replace(b'{', b'{"\\u006frigin":"x",', 1)
    yield "client data with a member twice deep inside", whole[:-1] + b',"x":[{"a":1,"a":1}]}'
    yield "client data in UTF-16", whole.decode().encode("utf-16")
    yield "client data in UTF-16 without mark", whole.decode().encode("utf-16-le")
    yield "client data that is not UTF-8", whole[:-1] + b',"x":"\xff"}'
    yield "client data with a line break in a text that nobody reads", whole[:-1] + b',"x":"a\nb"}'
    yield "client data with an escape that is none", whole[:-1] + b',"x":"\\q"}'
    yield "client data with a number that is none", whole[:-1] + b',"x":01}'
    yield "client data with more after it", whole + b"{}"
    yield "client data cut short", whole[:-1]
    yield "client data in an array", b"[" + whole + b"]"
    yield "empty client data", b""


def rsa_key(bits, exponent):
    key = rsa.generate_private_key(exponent, bits)
    return dict(cose.RS256.from_cryptography_key(key.public_key())), key


def flipped(data, position=-1):
    changed = bytearray(data)
    changed[position] ^= 1
    return bytes(changed)


def without(whole, member):
    return cbor.encode({name: value for name, value in cbor.decode(whole).items() if name != member})


def soft_options(options):
    """Options as soft-webauthn takes them: with bytes."""
    changed = {**options, "challenge": data(options["challenge"])}
    if "user" in options:
        changed["user"] = {**options["user"], "id": data(options["user"]["id"])}
    return changed


def ceremonies():
    """Whole stories of other implementations: a passkey is made, then used twice."""
    soft = VerifyingSoftDevice()
    made = soft.create({"publicKey": soft_options(creation_options(RP))}, RP["origin"])
    used = [soft.get({"publicKey": soft_options(request_options(RP))}, RP["origin"]) for _ in range(2)]
    yield {"name": "soft-webauthn", "relyingParty": RP, "registration": soft_answer(made),
           "assertions": [soft_answer(answer) for answer in used]}
    yield from chromium_ceremonies()


PAGE = """<!doctype html><meta charset="utf-8"><title>Passkeys</title>
<form data-passkey="{kind}" data-options="{options}" method="post" action="/done">
<input type="hidden" name="credential"><button>Go</button>
<p role="status" data-passkey-message data-failed="Failed" data-unsupported="Unsupported"></p></form>
<script type="module" src="/passkey.js"></script>"""


def chromium_ceremonies():
    from html import escape
    from urllib.parse import parse_qs

    from playwright.sync_api import sync_playwright

    script = (ROOT / "Sources/SparekeyWeb/Resources/assets/passkey.js").read_bytes()
    pages, answers = {}, []

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body, kind = (script, "text/javascript") if self.path == "/passkey.js" else (pages.get(self.path, b""), "text/html")
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            answers.append(json.loads(form["credential"][0]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words):
            pass

    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    origin = f"http://localhost:{site.server_port}"
    rp = {"id": "localhost", "origin": origin, "name": "Sparekey"}
    options = {"create": creation_options(rp), "get": request_options(rp)}
    for kind, asked in options.items():
        pages[f"/{kind}"] = PAGE.format(kind=kind, options=escape(json.dumps(asked))).encode()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, transport, backup in (("Chromium, on the device", "internal", True), ("Chromium, security key", "usb", False)):
            page = browser.new_page()
            devtools = page.context.new_cdp_session(page)
            devtools.send("WebAuthn.enable")
            devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {
                "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": transport, "hasResidentKey": True,
                "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
                "defaultBackupEligibility": backup, "defaultBackupState": backup}})
            answers.clear()
            for kind in ("create", "get", "get"):
                page.goto(f"{origin}/{kind}")
                with page.expect_response("**/done"):
                    page.get_by_role("button", name="Go").click()
            assert len(answers) == 3
            yield {"name": name, "relyingParty": rp, "registration": answers[0], "assertions": answers[1:]}
            page.close()
        browser.close()
    site.shutdown()


# --- Another relying party ---


def checked(vectors):
    """Asks python-fido2. What we accept, it has to accept. It looks at less than we do: what only we refuse is
    counted, not compared."""
    state = {"challenge": vectors["challenge"], "user_verification": "required"}

    def server(rp):
        return Fido2Server(
            PublicKeyCredentialRpEntity(id=rp["id"], name=rp["name"]), attestation="direct",
            verify_origin=lambda origin: origin == rp["origin"], verify_attestation=verify_attestation)

    def verify_attestation(attestation, client_hash):
        if attestation.fmt == "packed":
            PackedAttestation().verify(attestation.att_stmt, attestation.auth_data, client_hash)

    def says(question, *values):
        try:
            return question(*values)
        except Exception:
            return None

    agreed, only_ours = 0, []

    def compare(vector, accepted):
        nonlocal agreed
        if vector["expect"] == "accepted":
            assert accepted, vector["name"]
        if accepted == (vector["expect"] == "accepted"):
            agreed += 1
        else:
            only_ours.append(vector["name"])

    ours = server(vectors["relyingParty"])
    for vector in vectors["registrations"]:
        compare(vector, says(ours.register_complete, state, vector["answer"]) is not None)
    for vector in vectors["assertions"]:
        stored = vector["credential"]
        known = AttestedCredentialData.create(
            bytes(16), data(stored["id"]), cose.CoseKey.parse(cbor.decode(data(stored["publicKey"]))))
        answer = vector["answer"]
        compare(vector, says(ours.authenticate_complete, state, [known], answer) is not None)
    for ceremony in vectors["ceremonies"]:
        theirs = server(ceremony["relyingParty"])
        made = theirs.register_complete(state, ceremony["registration"])
        for answer in ceremony["assertions"]:
            theirs.authenticate_complete(state, [made.credential_data], answer)
            agreed += 1
    return agreed, only_ours


def make():
    known = {"id": text(b"known-1"), "transports": ["internal", "hybrid"], "type": "public-key"}
    return {
        "about": "Made by Tests/System/passkey_vectors.py. Bytes are base 64 with the URL alphabet.",
        "relyingParty": RP, "challenge": text(CHALLENGE), "userHandle": text(USER_HANDLE),
        "creationOptions": creation_options(RP, exclude=[known]), "requestOptions": request_options(RP, allow=[known]),
        "registrations": registrations(), "assertions": assertions(), "ceremonies": list(ceremonies()),
    }


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("make", "check"):
        sys.exit(__doc__)
    path = pathlib.Path(sys.argv[2])
    if sys.argv[1] == "make":
        path.write_text(json.dumps(make(), indent=1, ensure_ascii=False) + "\n")
    vectors = json.loads(path.read_text())
    agreed, only_ours = checked(vectors)
    print(f"python-fido2 says the same to {agreed}; {len(only_ours)} are refused by us alone:")
    print("  " + "\n  ".join(only_ours))


if __name__ == "__main__":
    main()
