"""S4: the script that makes and uses passkeys, with Chromium's virtual authenticator. What the browser answers is
judged by python-fido2, another relying party than ours."""

import contextlib
import json
import pathlib
from urllib.parse import parse_qs

import pytest
from fido2 import features
from fido2.server import Fido2Server
from fido2.webauthn import PublicKeyCredentialRpEntity
from playwright.sync_api import expect

VECTORS = json.loads(
    (pathlib.Path(__file__).parents[1] / "SparekeyCoreTests" / "passkey-vectors.json").read_text())
# It may be set once in a process, and other tests need it too.
with contextlib.suppress(ValueError):
    features.webauthn_json_mapping.enabled = True
STATE = {"challenge": VECTORS["challenge"], "user_verification": "required"}
CREATION = {**VECTORS["creationOptions"], "rp": {"id": "localhost", "name": "Sparekey"}, "excludeCredentials": []}
REQUEST = {**VECTORS["requestOptions"], "rpId": "localhost", "allowCredentials": []}
NO_CONVERSION = """
    delete PublicKeyCredential.parseCreationOptionsFromJSON;
    delete PublicKeyCredential.parseRequestOptionsFromJSON;
    delete PublicKeyCredential.prototype.toJSON;
"""


class Authenticator:
    def __init__(self, page, **options):
        self.devtools = page.context.new_cdp_session(page)
        self.devtools.send("WebAuthn.enable")
        self.id = self.devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True, **options}})["authenticatorId"]

    def change(self, call, **values):
        self.devtools.send(f"WebAuthn.{call}", {"authenticatorId": self.id, **values})


class Forms:
    """A page of the server, so with its Content-Security-Policy, to which one form is added at a time."""

    def __init__(self, server, page):
        self.page = page
        self.sent = []
        self.party = Fido2Server(
            PublicKeyCredentialRpEntity(id="localhost", name="Sparekey"), verify_origin=lambda origin: origin == server.url)
        page.route("**/passkey-answer", self._receive)
        self.address = f"{server.url}/help/recovery-code"

    def _receive(self, route):
        self.sent.append({name: values[0] for name, values in
                          parse_qs(route.request.post_data or "", keep_blank_values=True).items()})
        route.fulfill(status=200, content_type="text/html", body="<!doctype html><title>Sent</title><h1>Sent</h1>")

    def show(self, kind, options, conditional=False):
        self.page.goto(self.address)
        self.page.evaluate("""async ([kind, options, conditional]) => {
            const form = document.createElement("form");
            form.method = "post";
            form.action = "/passkey-answer";
            form.dataset.passkey = kind;
            form.dataset.options = JSON.stringify(options);
            if (conditional) form.dataset.conditional = "";
            const add = (name, attributes, text = "") => {
                const element = document.createElement(name);
                for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
                element.textContent = text;
                form.append(element);
            };
            add("input", { type: "hidden", name: "credential", value: "left over" });
            add("input", { name: "username", autocomplete: "username webauthn", value: "kim" });
            add("button", { name: "step", value: "go" }, "Go");
            add("button", { name: "step", value: "other", formnovalidate: "" }, "Another way");
            add("p", { role: "status", "data-passkey-message": "", "data-cancelled": "Cancelled.",
                       "data-failed": "Failed.", "data-exists": "Exists.", "data-unsupported": "Unsupported." });
            document.querySelector("main").append(form);
            await import("/assets/passkey.js");
        }""", [kind, options, conditional])

    def send(self, kind, options):
        self.show(kind, options)
        self.page.get_by_role("button", name="Go").click()
        expect(self.page.get_by_role("heading", name="Sent")).to_be_visible()
        sent = self.sent.pop()
        assert (sent["step"], sent["username"]) == ("go", "kim"), "the rest of the form went with it"
        return json.loads(sent["credential"])

    def says(self, text):
        expect(self.page.locator("[data-passkey-message]")).to_have_text(text)
        assert self.page.locator("input[name=username]").input_value() == "kim"
        assert self.sent == []


@pytest.fixture
def forms(server, visitor):
    return Forms(server, visitor.page)


@pytest.mark.parametrize("script", ["", NO_CONVERSION], ids=["conversion by the browser", "conversion by hand"])
def test_s4_a_passkey_is_made_and_used_without_a_username(forms, script):
    forms.page.add_init_script(script)
    Authenticator(forms.page)
    answer = forms.send("create", CREATION)
    made = forms.party.register_complete(STATE, answer)
    assert answer["response"]["transports"] == ["internal"]
    assert answer["id"] == answer["rawId"] and answer["type"] == "public-key"

    answer = forms.send("get", REQUEST)
    assert answer["response"]["userHandle"] == VECTORS["userHandle"]
    forms.party.authenticate_complete(STATE, [made.credential_data], answer)

    known = {"type": "public-key", "id": answer["id"], "transports": ["internal"]}
    answer = forms.send("get", {**REQUEST, "allowCredentials": [known]})
    forms.party.authenticate_complete(STATE, [made.credential_data], answer)

    # The authenticator that has one already does not make a second.
    forms.show("create", {**CREATION, "excludeCredentials": [known]})
    forms.page.get_by_role("button", name="Go").click()
    forms.says("Exists.")


def test_s4_what_comes_to_nothing_is_said_and_loses_nothing(forms):
    authenticator = Authenticator(forms.page)
    # Nobody's finger fits: the browser gives up.
    authenticator.change("setUserVerified", isUserVerified=False)
    forms.show("create", {**CREATION, "timeout": 1000})
    forms.page.get_by_role("button", name="Go").click()
    forms.says("Cancelled.")

    # The same form works at the next try.
    authenticator.change("setUserVerified", isUserVerified=True)
    forms.page.get_by_role("button", name="Go").click()
    expect(forms.page.get_by_role("heading", name="Sent")).to_be_visible()
    forms.party.register_complete(STATE, json.loads(forms.sent.pop()["credential"]))

    # A domain that is not this page's.
    forms.show("get", {**REQUEST, "rpId": "example.org"})
    forms.page.get_by_role("button", name="Go").click()
    forms.says("Failed.")


def test_s4_another_way_is_open_without_asking(forms):
    Authenticator(forms.page)
    forms.show("get", REQUEST)
    forms.page.get_by_role("button", name="Another way").click()
    expect(forms.page.get_by_role("heading", name="Sent")).to_be_visible()
    assert forms.sent.pop() == {"credential": "", "username": "kim", "step": "other"}


def test_s4_a_page_that_comes_back_asks_again(forms):
    Authenticator(forms.page)
    forms.send("create", CREATION)
    first = forms.send("get", REQUEST)
    forms.page.go_back()
    # The form was added by the test: it is there only if the browser kept the page.
    if forms.page.locator("form[data-passkey]").count() == 0:
        forms.show("get", REQUEST)
    forms.page.get_by_role("button", name="Go").click()
    expect(forms.page.get_by_role("heading", name="Sent")).to_be_visible()
    assert json.loads(forms.sent.pop()["credential"])["response"] != first["response"]


def test_s4_a_browser_without_passkeys_says_so(forms):
    forms.page.add_init_script("delete window.PublicKeyCredential")
    forms.show("get", REQUEST)
    forms.says("Unsupported.")
    forms.page.get_by_role("button", name="Go").click()
    forms.says("Unsupported.")


def test_s4_autofill_offers_passkeys_until_the_person_asks_for_one(forms):
    authenticator = Authenticator(forms.page)
    made = forms.party.register_complete(STATE, forms.send("create", CREATION))
    # Chromium's virtual authenticator picks one from the autofill by itself, once someone is there.
    authenticator.change("setAutomaticPresenceSimulation", enabled=False)
    forms.show("get", REQUEST, conditional=True)
    forms.page.wait_for_timeout(300)
    assert forms.sent == []
    authenticator.change("setAutomaticPresenceSimulation", enabled=True)
    forms.page.get_by_role("button", name="Go").click()
    expect(forms.page.get_by_role("heading", name="Sent")).to_be_visible()
    assert len(forms.sent) == 1
    forms.party.authenticate_complete(STATE, [made.credential_data], json.loads(forms.sent.pop()["credential"]))


def test_s4_a_passkey_chosen_from_the_autofill_is_sent(forms):
    Authenticator(forms.page)
    made = forms.party.register_complete(STATE, forms.send("create", CREATION))
    forms.show("get", REQUEST, conditional=True)
    expect(forms.page.get_by_role("heading", name="Sent")).to_be_visible()
    sent = forms.sent.pop()
    forms.party.authenticate_complete(STATE, [made.credential_data], json.loads(sent["credential"]))
    assert "step" not in sent, "nobody pressed a button"
