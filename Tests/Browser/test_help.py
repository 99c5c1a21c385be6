"""Help for those who cannot sign in, and for those who want to know beforehand. Each test names the promise."""

import re

from playwright.sync_api import expect


def advise(visitor, *things, two_step="I don't know", username=""):
    visitor.open("/help/sign-in")
    for thing in things:
        visitor.page.get_by_label(thing).check()
    visitor.page.get_by_label(two_step, exact=True).check()
    visitor.page.get_by_label("Username").fill(username)
    visitor.press("Show me the way")
    visitor.reads("Your way back in")


def words(visitor):
    return visitor.page.get_by_role("main").inner_text()


def test_g1_the_helper_leads_to_the_code_form_with_the_name(visitor):
    advise(visitor, "My recovery code", two_step="No, only for a password or a passkey", username="pat")
    visitor.reads("You are back at once, with your recovery code.")
    visitor.press("Use a recovery code")
    visitor.sees("Do you have an account recovery code?")
    visitor.reads("pat")


def test_g1_the_helper_leads_to_the_options_and_works_without_a_name(visitor):
    advise(visitor, "An email of the account", two_step="No, only for a password or a passkey")
    visitor.follow("Start now")
    visitor.type("Username", "pat")
    visitor.press("Next")
    visitor.sees("Let's make sure it's you")


def test_h4_the_helper_says_how_long_it_takes_and_what_would_be_faster(visitor):
    advise(visitor, "My recovery code", two_step="Yes")
    visitor.reads("You are back after 30 days, with your recovery code.")
    visitor.reads("it is done now.")
    visitor.reads("Nobody can shorten it.")


def test_g1_with_nothing_left_the_helper_is_no_dead_end_and_promises_nothing(visitor):
    advise(visitor)
    visitor.reads("Without any of these, nothing here opens the account.")
    visitor.reads("begin a recovery that waits 30 days")
    expect(visitor.page.locator("main a", has_text="Contact support").first).to_be_visible()


def test_s6_the_helper_says_the_same_for_every_name(visitor):
    person = visitor.sign_up()
    visitor.sign_out()
    pages = []
    for name in (person.username, "nobody.has.this"):
        advise(visitor, "My password", "An email of the account", two_step="Yes", username=name)
        pages.append(words(visitor))
    assert pages[0] == pages[1]


def test_g2_the_username_comes_by_mail_and_the_answer_is_the_same_for_anyone(visitor):
    person = visitor.sign_up()
    visitor.sign_out()
    answers = []
    for address in (person.email, "nobody@example.net"):
        visitor.open("/sign-in")
        visitor.follow("Forgot your username?")
        visitor.type("Email or phone", address)
        visitor.press("Send my username")
        visitor.sees("Look into your messages")
        answers.append(words(visitor))
    assert answers[0] == answers[1]
    visitor.server.expect_mail(person.email, "Your username")
    (letter,) = [mail for mail in visitor.server.mails(person.email) if mail["Subject"] == "Your username"]
    assert f"It is: {person.username}" in letter.get_content()
    assert not visitor.server.mails("nobody@example.net")


def test_g2_what_is_no_contact_is_said_at_the_field(visitor):
    visitor.open("/help/username")
    visitor.type("Email or phone", "pat")
    visitor.press("Send my username")
    visitor.reads("Begin the phone number with +")
    expect(visitor.page.get_by_label("Email or phone")).to_have_value("pat")


def test_d3_the_dashboard_draws_what_two_losses_mean_and_names_what_hangs_by_one_thing(visitor):
    visitor.sign_up(confirmed=False)
    visitor.reads("If you forget your password, you are locked out.")
    visitor.follow("Print a recovery code")
    visitor.press("Generate a new code")
    visitor.sees("Your recovery code")
    visitor.open("/account/security")
    expect(visitor.page.get_by_text("you are locked out")).to_have_count(0)
    rows = visitor.page.get_by_role("table").get_by_role("row")
    expect(rows.nth(1)).to_have_text(re.compile(r"Password\s+at once"))
    expect(rows.nth(2)).to_have_text(re.compile(r"Code\s+support\s+as always"))


def test_d5_the_account_closes_after_a_choice_and_signing_in_opens_it_again(visitor):
    person = visitor.sign_up()
    visitor.follow("Close my account…")
    visitor.page.get_by_label(re.compile("30 days, until")).check()
    visitor.press("Close my account")
    visitor.sees("Your account is being closed")
    visitor.server.expect_mail(person.email, "Your account is being closed")
    visitor.open("/account/security")
    visitor.sees("Sign in")
    visitor.sign_in(person)
    visitor.reads("Your account was going to be closed; you signed in, so it stays.")
    visitor.server.expect_mail(person.email, "Your account is open again")
