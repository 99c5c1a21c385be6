"""What people hold in their hands: an authenticator app, and the sensor for a passkey."""

import base64
import hmac
import time
from urllib.parse import parse_qs, urlsplit

APP_CODE = "Code from your authenticator app"


class AuthenticatorApp:
    """An app as everyone has it on their phone (RFC 6238). A service takes each code once, so it shows every code once,
    and waits for the next one when it has to."""

    def __init__(self, uri):
        parts = parse_qs(urlsplit(uri).query)
        self.secret = base64.b32decode(parts["secret"][0])
        self.last_step = int(time.time()) // 30 - 2

    def code_of(self, step):
        mac = hmac.digest(self.secret, step.to_bytes(8, "big"), "sha1")
        start = mac[19] & 15
        number = int.from_bytes(mac[start:start + 4], "big") & 0x7FFFFFFF
        return f"{number % 1_000_000:06}"

    def code(self):
        """Codes of the step before and after this one are good too; the one before not for long near the end of a step."""
        now = int(time.time()) // 30
        self.last_step = max(self.last_step + 1, now - 1 if time.time() % 30 < 22 else now)
        time.sleep(max(0, (self.last_step - 1) * 30 - time.time()))
        return self.code_of(self.last_step)

    def wrong_code(self):
        now = int(time.time()) // 30
        good = {self.code_of(step) for step in range(now - 3, now + 4)}
        return next(code for code in ("000000", "111111", *map(str, range(200000, 200020))) if code not in good)


class PasskeyDevice:
    """Chromium's virtual authenticator: the fingerprint sensor of a browser."""

    def __init__(self, page):
        self.devtools = page.context.new_cdp_session(page)
        self.devtools.send("WebAuthn.enable")
        self.id = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True}})["authenticatorId"]

    def refuse(self):
        """The next fingers are not the owner's."""
        self.devtools.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": False})

    def accept(self):
        self.devtools.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": True})
