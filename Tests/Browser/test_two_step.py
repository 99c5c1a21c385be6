"""Second factors, two-step verification and what belongs to them, used in a browser. Each test names the promise it
proves."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import scan
from devices import APP_CODE, PasskeyDevice
from playwright.sync_api import expect


@pytest.fixture(params=[True, False], ids=["with-javascript", "without-javascript"])
def javascript(request):
    return request.param


def is_signed_in(visitor):
    visitor.open("/account/security")
    return urlsplit(visitor.page.url).path == "/account/security"


# --- S5: two-step verification -----------------------------------------------------------------------------


def test_s5_on_signing_in_and_off(arrive, javascript):
    """S5, D4: it needs a working second factor, offers a recovery code, and is asked for at every sign-in."""
    visitor = arrive("phone", javascript=javascript)
    person = visitor.sign_up()
    visitor.follow("Turn it on")
    visitor.sees("Two-step verification")
    visitor.reads("First, a second factor")
    expect(visitor.page.get_by_role("button", name="Turn on two-step verification")).to_have_count(0)
    visitor.follow("Add an authenticator app")
    app = visitor.add_app()
    visitor.reads("Now you can turn on two-step verification.")
    visitor.reads("Alone it brings you back after 30 days.")
    visitor.press("Turn on two-step verification")
    visitor.reads("Two-step verification is on.")
    visitor.reads("You have no recovery code.")
    visitor.follow("Make a recovery code")
    visitor.sees("Generate a new code")
    visitor.sign_out()

    visitor.begin_sign_in(person.username)
    visitor.type("Password", person.password)
    visitor.press("Sign in")
    visitor.sees("Enter your second factor")
    assert not is_signed_in(visitor)
    visitor.open("/sign-in/second-factor")
    visitor.enter_second_factor("12")
    visitor.reads("The code has six digits.")
    visitor.enter_second_factor(app.wrong_code())
    visitor.reads("This code is not right, or was used already.")
    expect(visitor.page.get_by_label(APP_CODE)).to_be_focused()
    visitor.enter_second_factor(app.code())
    visitor.sees("Manage how I sign in")

    visitor.follow("Look at it or turn it off")
    visitor.sees("Two-step verification")
    visitor.press("Turn off two-step verification")
    visitor.reads("Two-step verification is off.")
    visitor.sign_out()
    visitor.sign_in(person)


def test_h13_an_older_code_is_explained_and_replaced(visitor):
    """H13: the page says that a code from before keeps its right, and offers to replace it now."""
    visitor.sign_up()
    visitor.generate()
    visitor.turn_on_two_step()
    visitor.reads("keeps its former right until")
    visitor.follow("Replace the code now")
    visitor.press("Generate a new code")
    visitor.sees("Your recovery code")
    visitor.open("/account/two-step")
    assert "keeps its former right" not in visitor.page.content()


def test_s5_the_last_second_factor_stays_while_it_is_on(visitor):
    visitor.sign_up()
    visitor.turn_on_two_step()
    visitor.open("/account/security")
    visitor.page.get_by_role("link", name="Remove My phone").click()
    visitor.sees("Remove an authenticator app")
    visitor.press("Remove")
    visitor.reads("This is your last second factor.")


def test_s9_a_short_password_is_changed_before_it_stands_alone(visitor):
    """S9: eight characters are enough beside a second factor, and not without it."""
    person = visitor.sign_up()
    visitor.turn_on_two_step()
    visitor.open("/account/password")
    visitor.type("New password", "vexing-Q7")
    visitor.press("Change the password")
    visitor.reads("Your password is changed.")
    visitor.open("/account/two-step")
    visitor.press("Turn off two-step verification")
    visitor.reads("Your password is too short to protect your account alone.")
    visitor.follow("Change password")
    visitor.type("New password", person.password)
    visitor.press("Change the password")
    visitor.reads("Your password is changed.")
    visitor.open("/account/two-step")
    visitor.press("Turn off two-step verification")
    visitor.reads("Two-step verification is off.")


# --- S4: authenticator apps --------------------------------------------------------------------------------


def test_s4_the_picture_holds_what_the_app_needs(visitor, tmp_path):
    visitor.sign_up()
    visitor.open("/account/authenticator-app")
    visitor.press("Next")
    visitor.sees("Connect your authenticator app")
    picture = tmp_path / "app.png"
    visitor.page.locator(".app-qr").screenshot(path=picture)
    uri = scan(picture)
    assert uri == visitor.page.locator("a[href^='otpauth:']").get_attribute("href")
    values = parse_qs(urlsplit(uri).query)
    assert (values["digits"], values["period"], values["algorithm"]) == (["6"], ["30"], ["SHA1"])
    visitor.page.get_by_text("I can't scan it").click()
    assert visitor.page.locator(".app-secret").inner_text().replace(" ", "") == values["secret"][0]


def test_s4_an_app_proves_nothing_before_its_first_code(visitor):
    visitor.sign_up()
    visitor.open("/account/authenticator-app")
    visitor.press("Next")
    visitor.type(APP_CODE, "12x")
    visitor.press("Connect the app")
    visitor.reads("The code has six digits.")
    visitor.open("/account/two-step")
    visitor.reads("First, a second factor")


def test_t12_a_code_is_good_once(arrive, visitor):
    """T12: a code seen over the shoulder opens nothing a second time."""
    person = visitor.sign_up()
    app = visitor.turn_on_two_step()
    visitor.sign_out()
    visitor.begin_sign_in(person.username)
    visitor.type("Password", person.password)
    visitor.press("Sign in")
    code = app.code()
    visitor.enter_second_factor(code)
    visitor.sees("Manage how I sign in")
    other = arrive()
    other.begin_sign_in(person.username)
    other.type("Password", person.password)
    other.press("Sign in")
    other.enter_second_factor(code)
    other.reads("This code is not right, or was used already.")
    assert not is_signed_in(other)


# --- S4: passkeys ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["/sign-in", "/sign-in/password", "/sign-in/other-ways"])
def test_s4_a_passkey_signs_in_without_a_username(visitor, place):
    person = visitor.sign_up()
    PasskeyDevice(visitor.page)
    visitor.follow("Add a passkey")
    visitor.add_passkey()
    visitor.reads("Your passkey is added.")
    visitor.open("/account/security")
    visitor.reads("My laptop")
    visitor.reads("Not used yet")
    visitor.sign_out()
    if place != "/sign-in":
        visitor.begin_sign_in(person.username)
    visitor.open(place)
    visitor.press("Use a passkey" if place.endswith("other-ways") else "Sign in with a passkey")
    visitor.sees("Manage how I sign in")
    visitor.reads("Last used")
    visitor.page.get_by_role("link", name="Remove My laptop").click()
    visitor.sees("Remove a passkey")
    visitor.press("Remove")
    visitor.reads("The passkey is removed.")


def test_s4_a_passkey_without_its_user_opens_nothing(visitor):
    """User verification: someone else's finger is no passkey."""
    visitor.sign_up()
    device = PasskeyDevice(visitor.page)
    visitor.open("/account/passkey")
    visitor.add_passkey()
    visitor.reads("Your passkey is added.")
    visitor.sign_out()
    device.refuse()
    visitor.press("Sign in with a passkey")
    expect(visitor.page.locator("[data-passkey-message]")).to_contain_text("You can try again.")
    assert not is_signed_in(visitor)
    device.accept()
    visitor.press("Sign in with a passkey")
    visitor.sees("Manage how I sign in")


def test_s4_a_removed_passkey_opens_nothing(visitor):
    visitor.sign_up()
    PasskeyDevice(visitor.page)
    visitor.open("/account/passkey")
    visitor.add_passkey()
    visitor.reads("Your passkey is added.")
    visitor.open("/account/security")
    visitor.page.get_by_role("link", name="Remove My laptop").click()
    visitor.press("Remove")
    visitor.sign_out()
    visitor.press("Sign in with a passkey")
    visitor.reads("This passkey can't be accepted.")
    assert not is_signed_in(visitor)


def test_q1_passkeys_are_not_offered_where_no_script_can_ask(arrive):
    visitor = arrive(javascript=False)
    visitor.sign_up()
    visitor.open("/account/passkey")
    # The emulation switches scripts off after the page was read, so that <noscript> is there and not shown.
    assert "Passkeys need JavaScript" in visitor.page.content()
    expect(visitor.page.get_by_role("button", name="Make a passkey")).to_be_hidden()
    visitor.sign_out()
    expect(visitor.page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()


# --- Row 38: every way to sign in beside every second factor ------------------------------------------------


@pytest.mark.parametrize("factor", ["none", "app", "passkey", "app-and-passkey"])
@pytest.mark.parametrize("first", ["password", "passkey"])
def test_row_38_no_way_to_sign_in_passes_by_the_second_factor(visitor, first, factor):
    """S5: the password alone never opens an account with two-step verification, whatever its second factors are; each
    of them does beside it; a passkey verifies its user, and is both at once."""
    person = visitor.sign_up()
    has_passkey = "passkey" in factor or first == "passkey"
    if has_passkey:
        PasskeyDevice(visitor.page)
        visitor.open("/account/passkey")
        visitor.add_passkey()
        visitor.reads("Your passkey is added.")
    app = None
    if "app" in factor:
        visitor.open("/account/authenticator-app")
        app = visitor.add_app()
    if factor != "none":
        visitor.open("/account/two-step")
        visitor.press("Turn on two-step verification")
        visitor.reads("Two-step verification is on.")
    visitor.sign_out()

    if first == "passkey":
        visitor.press("Sign in with a passkey")
        visitor.sees("Manage how I sign in")
        return
    ways = {"none": [None], "app": ["app"], "passkey": ["passkey"], "app-and-passkey": ["app", "passkey"]}[factor]
    for way in ways:
        visitor.begin_sign_in(person.username)
        visitor.type("Password", person.password)
        visitor.press("Sign in")
        if way is not None:
            visitor.sees("Enter your second factor")
            assert "email" not in visitor.page.locator("main").inner_text().lower()
            assert not is_signed_in(visitor), "the password alone opened the account"
            visitor.open("/sign-in/second-factor")
            assert visitor.page.get_by_label(APP_CODE).count() == (1 if app else 0)
            assert visitor.page.get_by_role("button", name="Use a passkey").count() == (1 if has_passkey else 0)
        if way == "app":
            visitor.enter_second_factor(app.code())
        elif way == "passkey":
            visitor.press("Use a passkey")
        visitor.sees("Manage how I sign in")
        visitor.sign_out()


def test_s5_who_lost_the_second_factor_finds_the_way_back(visitor):
    """The name is kept."""
    person = visitor.sign_up()
    visitor.turn_on_two_step()
    visitor.sign_out()
    visitor.begin_sign_in(person.username)
    visitor.type("Password", person.password)
    visitor.press("Sign in")
    visitor.press("I lost my second factor")
    visitor.sees("Let's make sure it's you")
    expect(visitor.page.locator("form.typed-name strong")).to_have_text(person.username)


def test_t26_a_second_step_without_the_first_leads_to_the_first(visitor):
    visitor.open("/sign-in/second-factor")
    visitor.sees("Sign in")
    visitor.begin_sign_in(visitor.new_person().username)
    visitor.open("/sign-in/second-factor")
    visitor.sees("Enter your password")


# --- S7: step-up -------------------------------------------------------------------------------------------


def test_s7_stepping_up_takes_the_accounts_own_level(visitor, arrive):
    """S7: with two-step verification the password and a code together, or a passkey."""
    person = visitor.sign_up()
    app = visitor.turn_on_two_step()
    visitor.open("/step-up?return-to=/account/recovery-code")
    visitor.type("Password", person.password)
    visitor.type(APP_CODE, app.wrong_code())
    visitor.press("Continue")
    visitor.reads("This code is not right, or was used already.")
    visitor.type("Password", "not the password at all")
    visitor.type(APP_CODE, "123456")
    visitor.press("Continue")
    visitor.reads("This password is not right.")
    visitor.type("Password", person.password)
    visitor.type(APP_CODE, app.code())
    visitor.press("Continue")
    visitor.sees("Generate a new code")


def test_s7_stepping_up_by_passkey_alone(visitor):
    visitor.sign_up()
    PasskeyDevice(visitor.page)
    visitor.open("/account/passkey")
    visitor.add_passkey()
    visitor.press("Turn on two-step verification")
    visitor.reads("Two-step verification is on.")
    visitor.open("/step-up?return-to=/account/remove%3Fproof%3Dtotp:1-a")
    expect(visitor.page.get_by_label("Password", exact=True)).to_have_count(0)
    visitor.press("Use a passkey")
    expect(visitor.page).to_have_url(f"{visitor.server.url}/account/remove?proof=totp:1-a")


# --- D1: phones --------------------------------------------------------------------------------------------


def test_d1_a_phone_is_added_confirmed_and_removed(arrive, javascript):
    visitor = arrive("phone", javascript=javascript)
    person = visitor.sign_up()
    number = f"+49171{int(re.sub(r'[^0-9]', '', person.username) or 1):07}"[:13]
    visitor.follow("Add a phone")
    visitor.sees("Add a phone")
    visitor.type("Phone", "0171 1234567")
    visitor.press("Send the code")
    visitor.reads("Begin the phone number with + and the country's code")
    expect(visitor.page.get_by_label("Phone")).to_have_value("0171 1234567")
    visitor.type("Phone", number)
    visitor.press("Send the code")
    visitor.sees("Confirm your phone")
    first = visitor.server.text_message_code(number)
    visitor.press("Send it again")
    visitor.reads("Only the newest one works.")
    code = visitor.server.text_message_code(number, after=1)
    if first != code:
        visitor.type("Six-digit code", first)
        visitor.press("Confirm")
        visitor.reads("This code is not right, or no longer valid.")
    visitor.type("Six-digit code", code)
    visitor.press("Confirm")
    visitor.reads("Your phone is confirmed.")
    visitor.follow("Add a phone")
    visitor.type("Phone", number)
    visitor.press("Send the code")
    visitor.reads("This phone number is on your account already.")
    visitor.open("/account/security")
    visitor.page.get_by_role("link", name=f"Remove {number}").click()
    visitor.sees("Remove a phone")
    visitor.press("Remove")
    visitor.reads("The phone is removed.")
    visitor.open("/account/activity")
    for what in ("Phone +49 •••• ••", "added", "confirmed", "removed"):
        visitor.reads(what)


# --- C8: check my code -------------------------------------------------------------------------------------


def test_c8_a_checked_code_keeps_working(arrive, javascript):
    visitor = arrive(javascript=javascript)
    person = visitor.sign_up()
    code = visitor.generate()
    visitor.open("/account/security")
    assert "Last checked" not in visitor.page.content()
    visitor.follow("Check my code")
    visitor.sees("Check my code")
    visitor.type("Recovery code", visitor.mistype(code, 7))
    visitor.press("Check it")
    visitor.reads("Group 2, symbol 3")
    visitor.press("Yes, use this code")
    visitor.reads("Your recovery code works.")
    visitor.reads("Last checked")
    visitor.follow("Check my code")
    visitor.type("Recovery code", "01234-56789-ABCDE-FGHJK-MNMMA")
    visitor.press("Check it")
    visitor.reads("This is not your current code.")
    visitor.open("/account/activity")
    visitor.reads("Recovery code checked: it works")
    visitor.reads("A wrong recovery code was entered to check it")
    visitor.sign_out()
    visitor.open_code_page(person.username)
    visitor.enter_code(code)
    visitor.sees("Choose a new password")


# --- H4: what each loss would mean -------------------------------------------------------------------------


def losses(visitor):
    visitor.open("/account/security")
    rows = visitor.page.locator(".losses > div")
    return {row.locator("dt").inner_text(): row.locator("dd").inner_text() for row in rows.all()}


def test_h4_the_forecast_follows_what_the_account_has(visitor):
    visitor.sign_up(confirmed=False)
    assert losses(visitor) == {
        "If you forget your password":
            "Careful Nothing is left that opens your account. Only support can begin a recovery, and it waits."}
    visitor.generate()
    assert losses(visitor)["If you forget your password"] == "You are back at once, with your recovery code."
    assert losses(visitor)["If you lose your recovery code"] == "You still sign in as always."
    visitor.turn_on_two_step()
    found = losses(visitor)
    # H13: the code is older than two-step verification.
    assert found["If you lose the device with your apps and passkeys"].startswith("You are back at once, with")
    visitor.generate()
    found = losses(visitor)
    assert found["If you lose the device with your apps and passkeys"] == (
        "You are back at once, with your recovery code and your password.")
    assert found["If you lose your recovery code"] == "You still sign in as always."


# --- D2, D6: this wasn't me, and the clean-up ---------------------------------------------------------------


def test_d2_this_wasnt_me_stops_everything_until_its_owner_goes_on(arrive, javascript):
    """D2, D6, H10: the account stands still, everyone is signed out; the owner signs in, sets it going again, and removes
    what someone else added."""
    visitor = arrive("phone", javascript=javascript)
    person = visitor.sign_up()
    intruder = arrive()
    intruder.sign_in(person)
    stranger = f"other-{person.email}"
    intruder.follow("Add an email")
    intruder.page.locator("input[name=email]").fill(stranger)
    intruder.press("Send the code")
    intruder.type("Six-digit code", intruder.server.issued_code(stranger))
    intruder.press("Confirm")
    intruder.reads("Your email is confirmed.")

    visitor.open("/account/activity")
    row = visitor.page.locator(".events li").filter(has_text="added").first
    row.get_by_role("link", name=re.compile("This wasn't me")).click()
    visitor.sees("This wasn't you?")
    visitor.reads("Everyone is signed out, you too.")
    visitor.press("It wasn't me")
    visitor.sees("Sign in")
    visitor.reads("Your account is frozen")
    assert not is_signed_in(intruder)

    visitor.begin_sign_in(person.username)
    visitor.type("Password", person.password)
    visitor.press("Sign in")
    visitor.sees("What was added lately")
    visitor.reads(stranger)
    expect(visitor.page.get_by_role("link", name=f"Remove {stranger}")).to_have_count(0)
    visitor.open("/account/password")
    visitor.sees("This account is frozen")
    visitor.follow("See what you can do")
    visitor.press("Set the account going again")
    visitor.reads("Your account is going again.")
    visitor.page.get_by_role("link", name=f"Remove {stranger}").click()
    visitor.press("Remove")
    visitor.reads("The email is removed.")
    visitor.open("/account/activity")
    visitor.reads("The account was set going again")
    visitor.reads("“This wasn't me”: the account was frozen")


def test_d6_after_a_recovery_the_owner_is_led_to_what_was_added(visitor):
    person = visitor.sign_up()
    code = visitor.generate()
    visitor.sign_out()
    visitor.open_code_page(person.username)
    visitor.enter_code(code)
    visitor.choose_password(person)
    visitor.sees("Your password is changed")
    visitor.sign_in(person)
    visitor.reads("You got back in on")
    visitor.follow("Look at what was added before")
    visitor.sees("What was added lately")


# --- After a recovery: the second factors are settled first --------------------------------------------------


@pytest.fixture(scope="module")
def soon(start_server):
    """A recovery that waits takes effect after seconds."""
    return start_server("--set", "hold-period=6s")


def recover_at_once(visitor, person, code):
    """The recovery code together with the password."""
    visitor.open_code_page(person.username)
    visitor.enter_code(code)
    visitor.follow("Enter my password")
    visitor.type("Password", person.password)
    visitor.press("Continue")
    visitor.choose_password(person)
    visitor.sees("Your password is changed")
    visitor.code_on_sheet()
    visitor.follow("Next: check your second factors")
    visitor.sees("Are these still yours?")


def test_after_a_recovery_old_factors_are_shown_or_removed(arrive, javascript):
    """DESIGN 6: no other page opens before; what is lost goes, what is left is confirmed by use; signing out works."""
    visitor = arrive("phone", javascript=javascript)
    person = visitor.sign_up()
    app = visitor.turn_on_two_step()
    visitor.open("/account/authenticator-app")
    visitor.add_app("Lost phone")
    code = visitor.generate()
    visitor.sign_out()
    recover_at_once(visitor, person, code)
    for path in ("/account/security", "/account/recovery-code", "/account/two-step", "/account/activity", "/step-up"):
        visitor.open(path)
        visitor.sees("Are these still yours?")
    visitor.press("Done")
    visitor.reads("Not yet: each second factor has to be shown or removed")
    visitor.type(APP_CODE, app.wrong_code())
    visitor.press("Confirm")
    visitor.reads("This code is not right, or was used already.")
    visitor.type(APP_CODE, app.code())
    visitor.press("Confirm")
    visitor.reads("That one works.")
    visitor.press("Remove, it is lost Lost phone")
    visitor.reads("It is removed.")
    visitor.press("Done")
    visitor.sees("What was added lately")
    visitor.open("/account/security")
    visitor.sees("Manage how I sign in")
    assert "Lost phone" not in visitor.page.content()


def test_after_a_recovery_a_passkey_is_shown_or_made(visitor):
    person = visitor.sign_up()
    PasskeyDevice(visitor.page)
    visitor.open("/account/passkey")
    visitor.add_passkey("Old laptop")
    visitor.press("Turn on two-step verification")
    visitor.reads("Two-step verification is on.")
    code = visitor.generate()
    visitor.sign_out()
    recover_at_once(visitor, person, code)
    visitor.press("Use a passkey")
    visitor.reads("That one works.")
    visitor.press("Done")
    visitor.sees("What was added lately")


def test_a_session_with_unsettled_factors_can_be_signed_out(visitor):
    person = visitor.sign_up()
    visitor.turn_on_two_step()
    code = visitor.generate()
    visitor.sign_out()
    recover_at_once(visitor, person, code)
    visitor.press("Sign out")
    visitor.sees("Sign in")
    visitor.open("/account/factors")
    visitor.sees("Sign in")


def test_h2_after_the_wait_the_ticket_opens_and_a_new_factor_is_added(arrive, soon, javascript):
    """H2, H5: the recovery code alone waits; then the first sign-in is new password and claim ticket, it adds a second
    factor before anything else, and shows the new recovery code. The ticket is of no use afterwards."""
    visitor = arrive(javascript=javascript)
    visitor.server = soon
    person = visitor.sign_up()
    visitor.turn_on_two_step()
    code = visitor.generate()
    visitor.sign_out()
    visitor.open_code_page(person.username)
    visitor.enter_code(code)
    visitor.page.get_by_role("button", name=re.compile("^Wait ")).click()
    visitor.sees("Choose a new password")
    person.password = "marble quiet lantern ridge"
    visitor.type("New password", person.password)
    visitor.page.get_by_role("button", name=re.compile("^Set this password in ")).click()
    expect(visitor.page.get_by_role("heading", name="Claim ticket")).to_be_visible()
    ticket = "-".join(visitor.page.locator(".groups li").all_inner_texts())
    soon.expect_mail(person.email, "A recovery of your account has taken effect")

    def come_to_the_second_step():
        visitor.begin_sign_in(person.username)
        visitor.type("Password", person.password)
        visitor.press("Sign in")
        visitor.sees("Enter your second factor")

    def look(name):
        if javascript:
            visitor.finds_no_barrier()
            visitor.screenshot(name)

    come_to_the_second_step()
    look("second-factor-ticket")
    visitor.type("Claim ticket", "not the ticket")
    visitor.press("Use the ticket")
    visitor.reads("This ticket doesn't belong here.")
    visitor.type("Claim ticket", ticket.lower())
    visitor.press("Use the ticket")
    visitor.sees("Are these still yours?")
    look("factors")
    visitor.press("Remove, it is lost My phone")
    visitor.reads("There is no second factor left.")
    look("factors-none")
    visitor.follow("Add an authenticator app")
    app = visitor.add_app("New phone")
    visitor.reads("Your new authenticator app works.")
    look("factors-done")
    visitor.press("Done")
    visitor.sees("Your recovery code")
    assert visitor.code_on_sheet() != code
    visitor.follow("I have printed it or written it down")
    visitor.sees("Manage how I sign in")
    visitor.sign_out()
    come_to_the_second_step()
    expect(visitor.page.get_by_label("Claim ticket")).to_have_count(0)
    visitor.enter_second_factor(app.code())
    visitor.sees("Manage how I sign in")
