"""Every page, as everyone meets it (Q1): with assistive technology, keyboard only, small screens, dark rooms, and
without JavaScript. Screenshots of all of them are left in `screenshots/`."""

import re
import urllib.error
import urllib.request

import pytest
from conftest import LOOKS
from devices import APP_CODE, PasskeyDevice
from playwright.sync_api import expect


def tour(visitor):
    """Walks through every page and stops at each, giving its name."""
    page = visitor.page
    person = visitor.new_person()

    for path, name in [
        ("/sign-in", "sign-in"),
        ("/sign-in?notice=signed-out", "sign-in-signed-out"),
        ("/recover", "recover-username"),
        ("/recover/code", "recover-code-by-link"),
        ("/help/sign-in", "help-sign-in"),
        ("/help/username", "help-username"),
        ("/help/recovery-code", "help-recovery-code"),
        ("/no-such-page", "message-not-found"),
    ]:
        visitor.open(path)
        yield name
    visitor.open("/help/username")
    visitor.type("Email or phone", "pat")
    visitor.press("Send my username")
    visitor.reads("Begin the phone number with +")
    yield "help-username-wrong"
    visitor.open("/help/sign-in")
    page.get_by_label("My recovery code").check()
    visitor.press("Show me the way")
    visitor.reads("Your way back in")
    yield "help-sign-in-answer"
    visitor.open("/sign-up")
    yield "sign-up"
    visitor.type("Username", person.username)
    page.locator("input[name=email]").fill("a@b")
    visitor.type("Password", "too short")
    yield "sign-up-typing"
    visitor.press("Open the account")
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()
    yield "sign-up-wrong"
    visitor.sign_up(person, confirmed=False)
    yield "security-welcome"
    page.get_by_role("link", name="Confirm").first.click()
    yield "email-confirm"
    visitor.type("Six-digit code", "12")
    visitor.press("Confirm")
    visitor.reads("The code has six digits.")
    yield "email-confirm-wrong"
    visitor.confirm(person.email)
    yield "security-email-confirmed"
    page.get_by_role("link", name=f"Remove {person.email}").click()
    yield "email-remove"
    visitor.press("Remove")
    yield "email-remove-last"
    visitor.open("/account/contact")
    yield "email-add"
    visitor.open("/account/close")
    yield "account-close"
    visitor.open("/account/password")
    yield "password-change"
    visitor.open("/step-up?return-to=/account/recovery-code")
    yield "step-up"
    visitor.open("/account/recovery-code")
    yield "code-generate"
    code = visitor.generate()
    yield "code-made"
    page.reload()
    visitor.sees("Your code was already made")
    yield "code-already-made"
    visitor.open("/account/security")
    yield "security-with-code"
    visitor.open("/account/recovery-code")
    yield "code-generate-again"
    visitor.open("/account/sessions")
    yield "sessions"
    visitor.open("/account/activity")
    yield "activity"
    visitor.sign_out()
    visitor.begin_sign_in(person.username)
    yield "sign-in-password"
    visitor.type("Password", "not the password at all")
    visitor.press("Sign in")
    visitor.reads("don't fit together")
    yield "sign-in-password-wrong"
    visitor.press("Other ways to sign in")
    visitor.sees("Other ways to sign in")
    yield "sign-in-other-ways"
    visitor.press("Use my password")
    visitor.press("Forgot password?")
    visitor.sees("Let's make sure it's you")
    yield "recover-verify"
    visitor.press("Get code")
    visitor.sees("Enter the code")
    yield "recover-issued-code"
    visitor.press("Send it again")
    visitor.reads("Only the newest one works.")
    yield "recover-issued-code-again"
    visitor.press("Use a different verification option")
    visitor.sees("How would you like to verify that it's you?")
    yield "recover-options"
    visitor.press("I don't have any of these")
    visitor.sees("Do you have an account recovery code?")
    yield "recover-code"
    visitor.type("Recovery code", code)
    if visitor.javascript:
        visitor.reads("Typed correctly.")
    yield "recover-code-typed"
    visitor.enter_code(visitor.mistype(code, 7))
    visitor.reads("Group 2, symbol 3")
    yield "recover-code-suggestion"
    visitor.enter_code("01234-56789-ABCDE-FGHJK-MNMMA")
    visitor.reads("doesn't open the account")
    yield "recover-code-wrong"
    visitor.enter_code(code)
    visitor.sees("Choose a new password")
    yield "recover-new-password"
    visitor.choose_password(person)
    visitor.sees("Your password is changed")
    yield "recover-done"
    visitor.open_code_page(person.username)
    visitor.enter_code(code)
    visitor.reads("This code was used on")
    yield "recover-code-used"


def two_step_tour(visitor):
    """The same for second factors, two-step verification, and what belongs to them."""
    page = visitor.page
    person = visitor.sign_up()
    visitor.open("/account/two-step")
    yield "two-step-first-factor"
    visitor.open("/account/contact?kind=phone")
    yield "phone-add"
    visitor.type("Phone", "0171 1234567")
    visitor.press("Send the code")
    visitor.reads("Begin the phone number with +")
    yield "phone-add-wrong"
    visitor.type("Phone", "+49 171 1234567")
    visitor.press("Send the code")
    visitor.sees("Confirm your phone")
    yield "phone-confirm"
    code = visitor.generate()
    visitor.open("/account/authenticator-app")
    yield "app-add"
    visitor.press("Next")
    visitor.sees("Connect your authenticator app")
    yield "app-confirm"
    page.get_by_text("I can't scan it").click()
    yield "app-confirm-typing"
    visitor.type(APP_CODE, "12")
    visitor.press("Connect the app")
    visitor.reads("The code has six digits.")
    yield "app-confirm-wrong"
    visitor.open("/account/authenticator-app")
    app = visitor.add_app()
    visitor.reads("Now you can turn on two-step verification.")
    yield "two-step-off"
    visitor.press("Turn on two-step verification")
    visitor.reads("Two-step verification is on.")
    yield "two-step-on"
    visitor.open("/account/passkey")
    yield "passkey-add"
    if visitor.javascript:
        device = PasskeyDevice(page)
        device.refuse()
        visitor.add_passkey()
        visitor.reads("You can try again.")
        yield "passkey-add-wrong"
        device.accept()
        visitor.press("Make a passkey")
        visitor.reads("Your passkey is added.")
    visitor.open("/account/security")
    yield "security-two-step"
    page.get_by_role("link", name="Remove My phone").click()
    yield "app-remove"
    visitor.open("/account/check-code")
    yield "code-check"
    visitor.type("Recovery code", visitor.mistype(code, 7))
    visitor.press("Check it")
    visitor.reads("Group 2, symbol 3")
    yield "code-check-suggestion"
    visitor.open("/step-up?return-to=/account/two-step")
    yield "step-up-two-step"
    visitor.type("Password", person.password)
    visitor.type(APP_CODE, "12")
    visitor.press("Continue")
    visitor.reads("The code has six digits.")
    yield "step-up-two-step-wrong"
    visitor.sign_out()
    visitor.begin_sign_in(person.username)
    visitor.type("Password", person.password)
    visitor.press("Sign in")
    visitor.sees("Enter your second factor")
    yield "second-factor"
    visitor.enter_second_factor(app.wrong_code())
    visitor.reads("This code is not right, or was used already.")
    yield "second-factor-wrong"
    visitor.enter_second_factor(app.code())
    visitor.sees("Manage how I sign in")
    visitor.open("/account/activity")
    yield "activity-two-step"
    page.get_by_role("link", name=re.compile("This wasn't me Phone")).first.click()
    visitor.sees("This wasn't you?")
    yield "not-me"
    visitor.open("/account/clean-up")
    yield "clean-up"
    visitor.open("/account/activity")
    page.get_by_role("link", name=re.compile("This wasn't me Signed in")).first.click()
    visitor.press("It wasn't me")
    visitor.reads("Your account is frozen")
    yield "sign-in-frozen"
    visitor.begin_sign_in(person.username)
    visitor.type("Password", person.password)
    visitor.press("Sign in")
    visitor.enter_second_factor(app.code())
    visitor.sees("What was added lately")
    yield "clean-up-frozen"
    visitor.open("/account/password")
    visitor.sees("This account is frozen")
    yield "message-frozen"
    visitor.open("/account/security")
    yield "security-frozen"


TOURS = [tour, two_step_tour]


@pytest.mark.parametrize("tour", TOURS)
@pytest.mark.parametrize("screen, color_scheme", LOOKS)
def test_q1_every_page_is_without_barriers(arrive, screen, color_scheme, tour):
    """Q1: axe finds nothing, and nothing has to be scrolled sideways on the narrowest screen."""
    visitor = arrive(screen, color_scheme)
    problems = []
    for name in tour(visitor):
        visitor.screenshot(f"{name}-{screen}-{color_scheme}")
        problems += [f"{name}: {barrier}" for barrier in visitor.barriers()]
    assert not problems, "\n\n".join(problems)


@pytest.mark.parametrize("tour", TOURS)
def test_q1_every_page_works_without_javascript(arrive, tour):
    """Q1: the same walk, with not one script."""
    visitor = arrive("phone", javascript=False)
    for name in tour(visitor):
        # Nothing is offered that needs a script.
        for button in visitor.page.locator("button[type=button]").all():
            assert not button.is_visible(), name


def tab_to(page, accessible_name):
    for _ in range(40):
        page.keyboard.press("Tab")
        name = page.evaluate(
            """() => {
                const focused = document.activeElement
                return focused.labels?.[0]?.innerText ?? focused.getAttribute("aria-label") ?? focused.innerText
            }"""
        )
        if name.strip() == accessible_name:
            outline = page.evaluate(
                "() => { const s = getComputedStyle(document.activeElement), "
                "a = getComputedStyle(document.activeElement, '::after'); "
                "return [s.outlineStyle, a.outlineStyle].some(o => o != 'none') }"
            )
            assert outline, f"The focus on {accessible_name} can't be seen."
            return
    raise AssertionError(f"{accessible_name} can't be reached with the Tab key at {page.url}.")


def test_q1_signing_in_and_the_way_back_by_keyboard_alone(arrive):
    visitor = arrive()
    page = visitor.page
    person = visitor.sign_up()
    code = visitor.generate()
    visitor.sign_out()

    visitor.open("/sign-in")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type(person.username)
    page.keyboard.press("Enter")
    visitor.sees("Enter your password")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.keyboard.type("not the password at all")
    page.keyboard.press("Enter")
    visitor.reads("don't fit together")
    for name, heading in [
        ("Other ways to sign in", "Other ways to sign in"),
        ("Use my password", "Enter your password"),
        ("Forgot password?", "Let's make sure it's you"),
        ("Use a different verification option", "How would you like to verify that it's you?"),
        ("I don't have any of these", "Do you have an account recovery code?"),
    ]:
        tab_to(page, name)
        page.keyboard.press("Enter")
        visitor.sees(heading)
    expect(page.get_by_label("Recovery code")).to_be_focused()
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    visitor.sees("Choose a new password")
    tab_to(page, "New password")
    person.password = "basil harbour 7 lantern"
    page.keyboard.type(person.password)
    page.keyboard.press("Enter")
    visitor.sees("Your password is changed")
    tab_to(page, "Sign in")
    page.keyboard.press("Enter")
    visitor.sees("Sign in")
    page.keyboard.type(person.username)
    page.keyboard.press("Enter")
    visitor.sees("Enter your password")
    page.keyboard.type(person.password)
    page.keyboard.press("Enter")
    visitor.sees("Manage how I sign in")


def test_q1_the_first_tab_skips_to_the_content(visitor):
    visitor.open("/help/sign-in")
    visitor.page.keyboard.press("Tab")
    expect(visitor.page.get_by_role("link", name="Skip to the content")).to_be_focused()


def test_t24_every_answer_carries_the_headers(server):
    for path in ("/sign-in", "/sign-up", "/recover", "/help/sign-in", "/no-such-page", "/api/v1/session"):
        try:
            answer = urllib.request.urlopen(server.url + path)
        except urllib.error.HTTPError as refused:
            answer = refused
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, path
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            assert "HttpOnly" in cookie and re.search("SameSite=(Lax|Strict)", cookie), cookie


def test_t24_no_cookie_can_be_read_by_a_script(visitor):
    visitor.sign_up()
    cookies = visitor.page.context.cookies()
    assert {"sparekey-session", "sparekey-browser"} <= {cookie["name"] for cookie in cookies}
    for cookie in cookies:
        assert cookie["httpOnly"] and cookie["sameSite"] in ("Lax", "Strict"), cookie
    assert visitor.page.evaluate("document.cookie") == ""


def test_c4_the_password_and_the_code_are_not_kept_by_the_page(visitor):
    """C4: neither stands in the browser's storage."""
    visitor.sign_up()
    visitor.generate()
    assert visitor.page.evaluate("localStorage.length + sessionStorage.length") == 0
