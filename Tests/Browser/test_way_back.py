"""The way back into an account, walked in a browser. Each test names the promise it proves."""

import re
import subprocess

import pytest
from conftest import scan
from playwright.sync_api import expect

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
USED = re.compile(r"This code was used on \d+ \w+ \d{4}\.")
REPLACED = re.compile(r"This code was replaced on \d+ \w+ \d{4}\.")


@pytest.fixture(params=[True, False], ids=["with-javascript", "without-javascript"])
def javascript(request):
    return request.param


@pytest.fixture
def owner(visitor):
    """A person with a confirmed email and a sheet, signed out."""
    person = visitor.sign_up()
    person.code = visitor.generate()
    visitor.sign_out()
    return person


# --- S: the way to the code ---------------------------------------------------------------------------


def test_s1_the_whole_way_of_the_article(arrive, owner, javascript):
    """S1, C2, C9: every label and step, with the code in small letters and without dashes; a new code at the end."""
    visitor = arrive("phone", javascript=javascript)
    visitor.begin_sign_in(owner.username)
    visitor.press("Other ways to sign in")
    visitor.sees("Other ways to sign in")
    visitor.press("Use my password")
    visitor.sees("Enter your password")
    visitor.press("Forgot password?")
    visitor.sees("Let's make sure it's you")
    visitor.press("Use a different verification option")
    visitor.sees("How would you like to verify that it's you?")
    visitor.press("I don't have any of these")
    visitor.sees("Do you have an account recovery code?")
    visitor.enter_code(owner.code.replace("-", "").lower())
    visitor.sees("Choose a new password")
    visitor.reads("Recovery code accepted")
    visitor.choose_password(owner)
    visitor.sees("Your password is changed")
    new_code = visitor.code_on_sheet()
    assert new_code != owner.code
    visitor.follow("Sign in")
    visitor.sign_in(owner)
    visitor.sign_out()
    # The new code is a working one.
    visitor.open_code_page(owner.username)
    visitor.enter_code(new_code)
    visitor.sees("Choose a new password")


def test_s3_the_code_is_one_click_from_the_password_page(visitor, owner):
    visitor.begin_sign_in(owner.username)
    visitor.press("Use a recovery code")
    visitor.sees("Do you have an account recovery code?")
    expect(visitor.page.locator("form.typed-name strong")).to_have_text(owner.username)
    visitor.enter_code(owner.code)
    visitor.sees("Choose a new password")


def test_s4_a_code_sent_by_email_brings_back_too(visitor, owner):
    """S2, S4: the option is masked, the six digits come by email, a new recovery code is made."""
    visitor.begin_sign_in(owner.username)
    visitor.press("Forgot password?")
    visitor.sees("Let's make sure it's you")
    assert owner.email not in visitor.page.content()
    sent = len([mail for mail in visitor.server.mails(owner.email) if re.match(r"\d{6}", mail["Subject"])])
    visitor.press("Get code")
    visitor.sees("Enter the code")
    code = visitor.server.issued_code(owner.email, after=sent)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    visitor.type("Six-digit code", wrong)
    visitor.press("Continue")
    visitor.reads("This code is not right, or no longer valid.")
    visitor.type("Six-digit code", f" {code[:3]} {code[3:]} ")
    visitor.press("Continue")
    visitor.choose_password(owner)
    visitor.sees("Your password is changed")
    assert visitor.code_on_sheet() != owner.code
    visitor.sign_in(owner)


def test_s6_an_unknown_name_walks_the_same_pages(visitor):
    stranger = visitor.new_person()
    visitor.begin_sign_in(stranger.username)
    visitor.type("Password", stranger.password)
    visitor.press("Sign in")
    visitor.reads("The username and the password don't fit together.")
    visitor.press("Forgot password?")
    visitor.sees("Let's make sure it's you")
    visitor.press("Get code")
    visitor.sees("Enter the code")
    visitor.type("Six-digit code", "123456")
    visitor.press("Continue")
    visitor.reads("This code is not right, or no longer valid.")
    visitor.press("Use a different verification option")
    visitor.sees("How would you like to verify that it's you?")
    first = visitor.page.locator(".option").all_inner_texts()
    visitor.press("I don't have any of these")
    visitor.sees("Do you have an account recovery code?")
    visitor.enter_code("01234-56789-ABCDE-FGHJK-MNMMA")
    visitor.reads("This code doesn't open the account.")
    # The decoys are the same next time.
    visitor.begin_sign_in(stranger.username)
    visitor.press("Forgot password?")
    visitor.press("Use a different verification option")
    visitor.sees("How would you like to verify that it's you?")
    assert visitor.page.locator(".option").all_inner_texts() == first


def test_s1_a_wrong_password_is_said_and_costs_nothing(visitor, owner):
    visitor.begin_sign_in(owner.username)
    visitor.type("Password", "not the password at all")
    visitor.press("Sign in")
    visitor.reads("The username and the password don't fit together.")
    expect(visitor.page.get_by_label("Password", exact=True)).to_be_focused()
    visitor.type("Password", owner.password)
    visitor.press("Sign in")
    visitor.sees("Manage how I sign in")


def test_s1_edit_leads_back_to_the_name(visitor):
    person = visitor.new_person()
    visitor.begin_sign_in(person.username)
    visitor.press("edit the username")
    visitor.sees("Sign in")
    expect(visitor.page.get_by_label("Username")).to_have_value(person.username)


# --- C: the code --------------------------------------------------------------------------------------


def test_c10_a_used_code_explains_itself(visitor, owner):
    visitor.open_code_page(owner.username)
    visitor.enter_code(owner.code)
    visitor.choose_password(owner)
    visitor.sees("Your password is changed")
    visitor.open_code_page(owner.username)
    visitor.enter_code(owner.code)
    expect(visitor.page.locator("main")).to_contain_text(USED)


def test_c10_a_replaced_code_explains_itself(visitor):
    """C3, C6, C10: generating again takes effect at once, and the first sheet says what became of it."""
    person = visitor.sign_up()
    first = visitor.generate()
    second = visitor.generate()
    visitor.reads("has stopped working. Destroy that sheet.")
    assert first != second
    visitor.sign_out()
    visitor.open_code_page(person.username)
    visitor.enter_code(first)
    expect(visitor.page.locator("main")).to_contain_text(REPLACED)
    visitor.enter_code(second)
    visitor.sees("Choose a new password")


def test_c3_generating_needs_someone_signed_in(visitor):
    visitor.open("/account/recovery-code")
    visitor.sees("Sign in")
    visitor.reads("Please sign in first.")


def test_c3_a_form_sent_twice_makes_one_code(visitor):
    """C3, C4: reloading the page with the code sends the form again; the code stays good and is not shown again."""
    person = visitor.sign_up()
    code = visitor.generate()
    visitor.page.reload()
    visitor.sees("Your code was already made")
    assert code not in visitor.page.content()
    visitor.sign_out()
    visitor.open_code_page(person.username)
    visitor.enter_code(code)
    visitor.sees("Choose a new password")


def test_c4_the_code_is_shown_once(visitor):
    visitor.sign_up()
    code = visitor.generate()
    assert code not in visitor.page.url
    for path in ("/account/security", "/account/recovery-code", "/account/activity"):
        visitor.open(path)
        assert code not in visitor.page.content()
        assert code.replace("-", "") not in visitor.page.content()
    stored = b"".join(file.read_bytes() for file in visitor.server.folder.rglob("*") if file.is_file())
    assert code.encode() not in stored
    assert code.replace("-", "").encode() not in stored


def test_c9_a_repeat_shows_the_same_new_code(visitor, owner):
    """C9: a lost answer loses nothing."""
    visitor.open_code_page(owner.username)
    visitor.enter_code(owner.code)
    visitor.choose_password(owner)
    visitor.sees("Your password is changed")
    code = visitor.code_on_sheet()
    visitor.page.reload()
    assert visitor.code_on_sheet() == code


def test_c7_a_wrong_symbol_is_pointed_at_and_corrected(arrive, owner, javascript):
    visitor = arrive(javascript=javascript)
    visitor.open_code_page(owner.username)
    visitor.enter_code(visitor.mistype(owner.code, 7))
    visitor.reads("Group 2, symbol 3 doesn't fit.")
    expect(visitor.page.locator("mark").first).to_have_text(owner.code[8])
    visitor.screenshot(f"code-suggestion-{'javascript' if javascript else 'plain'}")
    visitor.press("Yes, use this code")
    visitor.sees("Choose a new password")


def test_c7_unreadable_symbols_are_filled_in(arrive, owner, javascript):
    visitor = arrive(javascript=javascript)
    visitor.open_code_page(owner.username)
    visitor.enter_code("??" + owner.code[2:12] + "?" + owner.code[13:28] + "?")
    visitor.reads("The unreadable symbols can be filled in")
    visitor.reads(owner.code)
    visitor.press("Yes, use this code")
    visitor.sees("Choose a new password")


def with_two_mistakes(code):
    symbols = list(code)
    for index in (0, 12):
        symbols[index] = "7" if symbols[index] != "7" else "K"
    return "".join(symbols)


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda code: code[:-3], "3 symbols are missing."),
        (lambda code: code[:-1], "1 symbol is missing."),
        (lambda code: code + "AB", "There are 2 symbols too many."),
        (lambda code: "U" + code[1:], "never occurs in a code. Look at group 1, symbol 1."),
        (lambda code: code[:12] + "\u0410" + code[13:], "never occurs in a code. Look at group 3, symbol 1."),
        (with_two_mistakes, "More than one symbol doesn't fit."),
        (lambda code: "?????" + code[5:], "That is 5 unreadable symbols."),
    ],
    ids=["3-short", "1-short", "2-long", "letter-u", "cyrillic", "2-wrong", "5-unreadable"],
)
def test_c7_what_is_wrong_is_said_before_anything_is_counted(arrive, owner, javascript, change, sentence):
    visitor = arrive(javascript=javascript)
    visitor.open_code_page(owner.username)
    for _ in range(7):
        visitor.enter_code(change(owner.code))
        visitor.reads(sentence)
    field = visitor.page.get_by_label("Recovery code")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value(change(owner.code))
    # Seven typing mistakes cost nothing.
    visitor.enter_code(owner.code)
    visitor.sees("Choose a new password")


def test_c7_help_comes_while_typing(visitor, owner):
    visitor.open_code_page(owner.username)
    field = visitor.page.get_by_label("Recovery code")
    field.press_sequentially(owner.code.lower())
    expect(visitor.page.locator("[data-code-help]")).to_have_text("Typed correctly.")
    field.press_sequentially("x")
    expect(visitor.page.locator("[data-code-help]")).to_contain_text("There is 1 symbol too many.")


def test_c5_the_picture_leads_to_the_page_with_the_code_filled_in(visitor, owner):
    """C4, C5, S3: the code comes in the fragment and leaves the address and the history at once."""
    visitor.open("/help/recovery-code")
    visitor.open(f"/recover/code#{owner.code}")
    expect(visitor.page.get_by_label("Recovery code")).to_have_value(owner.code)
    assert visitor.page.url == f"{visitor.server.url}/recover/code"
    visitor.type("Username", owner.username)
    visitor.press("Use this code")
    visitor.sees("Choose a new password")
    for _ in range(2):
        visitor.page.go_back()
        assert "#" not in visitor.page.url
        assert owner.code not in visitor.page.url
    assert owner.code not in visitor.server.log


def test_c5_the_sheet_is_one_page_and_its_picture_can_be_scanned(visitor, tmp_path):
    visitor.sign_up()
    code = visitor.generate()
    address = f"{visitor.server.url}/recover/code"
    for paper in ("A4", "Letter"):
        pdf = tmp_path / f"{paper}.pdf"
        visitor.page.pdf(path=pdf, format=paper, prefer_css_page_size=False)
        about = subprocess.run(["pdfinfo", pdf], capture_output=True, text=True, check=True).stdout
        assert re.search(r"^Pages:\s+1$", about, re.MULTILINE), about
        text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True).stdout
        for part in [*code.split("-"), address, "Serial", "Made on", "Don't photograph it."]:
            assert part in text, (part, text)
        assert "Sign out" not in text
        subprocess.run(["pdftoppm", "-r", "150", "-png", "-singlefile", pdf, pdf.with_suffix("")], check=True)
        assert scan(pdf.with_suffix(".png")) == f"{address}#{code}"


# --- H, S7, D: what follows ---------------------------------------------------------------------------


def test_h1_a_recovery_ends_every_other_session_and_tells_the_contact(arrive, visitor, owner):
    visitor.sign_in(owner)
    claimant = arrive("phone")
    claimant.open_code_page(owner.username)
    claimant.enter_code(owner.code)
    claimant.choose_password(owner)
    claimant.sees("Your password is changed")
    visitor.open("/account/security")
    visitor.sees("Sign in")
    visitor.server.expect_mail(owner.email, "Your account has a new password")
    assert not any(owner.code in mail.get_content() for mail in visitor.server.mails(owner.email))


def test_s7_signing_out_everywhere_ends_another_browser_at_once(arrive, visitor, owner):
    other = arrive("phone")
    visitor.sign_in(owner)
    other.sign_in(owner)
    visitor.press("Sign out everywhere")
    visitor.reads("You are signed out everywhere.")
    other.open("/account/security")
    other.sees("Sign in")


def test_s7_one_session_can_be_ended(arrive, visitor, owner):
    other = arrive(user_agent=FIREFOX)
    other.sign_in(owner)
    visitor.sign_in(owner)
    visitor.follow("See sessions")
    visitor.sees("Where you are signed in")
    visitor.reads("Firefox · Windows")
    visitor.page.get_by_role("button", name=re.compile("Sign out Firefox")).click()
    visitor.reads("That session is ended.")
    assert "Firefox" not in visitor.page.locator(".rows").inner_text()
    other.open("/account/security")
    other.sees("Sign in")


def test_s7_stepping_up_asks_for_the_password(visitor, owner):
    visitor.sign_in(owner)
    visitor.open("/step-up?return-to=/account/recovery-code")
    visitor.sees("Please prove it's you")
    visitor.reads("Then you can generate a new recovery code.")
    visitor.type("Password", "not the password at all")
    visitor.press("Continue")
    visitor.reads("This password is not right.")
    before = {cookie["name"]: cookie["value"] for cookie in visitor.page.context.cookies()}
    visitor.type("Password", owner.password)
    visitor.press("Continue")
    visitor.sees("Generate a new code")
    after = {cookie["name"]: cookie["value"] for cookie in visitor.page.context.cookies()}
    # A new session id at every change of privilege.
    assert before["sparekey-session"] != after["sparekey-session"]


def test_s7_stepping_up_returns_to_no_foreign_place(visitor, owner):
    visitor.sign_in(owner)
    for place in ("https://example.org/", "//example.org", "/\\example.org", "/sign-out"):
        visitor.open(f"/step-up?return-to={place}")
        visitor.type("Password", owner.password)
        visitor.press("Continue")
        visitor.sees("Manage how I sign in")


def test_d1_an_email_is_added_confirmed_and_removed(visitor):
    """D1, D4: every change is told to the other contact."""
    person = visitor.sign_up()
    second = f"second-{person.email}"
    visitor.follow("Add an email")
    visitor.page.locator("input[name=email]").fill(second)
    visitor.press("Send the code")
    visitor.sees("Confirm your email")
    first_code = visitor.server.issued_code(second)
    visitor.press("Send it again")
    visitor.reads("Only the newest one works.")
    code = visitor.server.issued_code(second, after=1)
    if first_code != code:
        visitor.type("Six-digit code", first_code)
        visitor.press("Confirm")
        visitor.reads("This code is not right")
    visitor.type("Six-digit code", code)
    visitor.press("Confirm")
    visitor.reads("Your email is confirmed.")
    visitor.page.get_by_role("link", name=f"Remove {person.email}", exact=True).click()
    visitor.reads(f"Remove {person.email}?")
    visitor.press("Remove")
    visitor.reads("The email is removed.")
    visitor.server.expect_mail(person.email, "An email was added to your account")
    visitor.server.expect_mail(person.email, "An email was removed from your account")


def test_d4_the_last_proof_stays(visitor):
    person = visitor.sign_up()
    visitor.page.get_by_role("link", name=f"Remove {person.email}").click()
    visitor.press("Remove")
    visitor.reads("This is the last confirmed way to prove who you are.")
    visitor.open("/account/security")
    visitor.reads(person.email)


def test_d1_the_password_is_changed(arrive, visitor, owner):
    other = arrive()
    other.sign_in(owner)
    visitor.sign_in(owner)
    visitor.follow("Change password")
    owner.password = "willow candle 4 harbour"
    visitor.type("New password", owner.password)
    visitor.press("Change the password")
    visitor.reads("Your password is changed. Everything else is signed out.")
    other.open("/account/security")
    other.sees("Sign in")
    other.sign_in(owner)


def test_d2_the_activity_list_shows_what_happened(visitor, owner):
    visitor.open_code_page(owner.username)
    visitor.enter_code(owner.code)
    visitor.choose_password(owner)
    visitor.sees("Your password is changed")
    visitor.sign_in(owner)
    visitor.follow("See recent activity")
    visitor.sees("Recent activity")
    entries = visitor.page.locator(".events li").all_inner_texts()
    for event in ("Account opened", "confirmed", "Recovery code generated", "New password chosen", "Signed in"):
        assert any(event in entry for entry in entries), (event, entries)
