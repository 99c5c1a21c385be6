"""O6: accounts from another system: their passwords go on working, whatever hashed them, and nobody notices."""

import base64
import hashlib
import json
import sqlite3

PASSWORD = "violet anchor sevenfold"


def without_padding(data):
    return base64.b64encode(data).decode().rstrip("=")


def scrypt(password, r=8, p=2, salt=b"sixteen salty by"):
    digest = hashlib.scrypt(password, salt=salt, n=1 << 12, r=r, p=p, dklen=32)
    return f"$scrypt$ln=12,r={r},p={p}${without_padding(salt)}${without_padding(digest)}"


def passlib_pbkdf2(password, digest, salt=b"\xfb\xff\xfe 13 bytes"):
    name = "$pbkdf2$" if digest == "sha1" else f"$pbkdf2-{digest}$"
    made = hashlib.pbkdf2_hmac(digest, password, salt, 1_000)
    return f"{name}1000${without_padding(salt)}${without_padding(made)}".replace("+", ".")


def django_pbkdf2(password, salt="seasoning"):
    made = hashlib.pbkdf2_hmac("sha256", password, salt.encode(), 2_000)
    return f"pbkdf2_sha256$2000${salt}${base64.b64encode(made).decode()}"


BCRYPT = "$2b$05$abcdefghijklmnopqrstuuwiMfwiOGuLJCbuUfn/QMpGXHJ3ct/6G"
HASHES = {
    # Written by other programs: passlib, whose documentation has them, and argon2-cffi.
    "docbcrypt": ("password", "$2b$12$GhvMmNVjRW29ulnudl.LbuAnUtN/LRfe1JsBm1Xu6LE3059z5Tr8m"),
    "docpbkdf": ("password", "$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrUrvUEXOPimVSQDD44"),
    "docscrypt": ("password", "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E"),
    "docargon": (PASSWORD, "$argon2id$v=19$m=1024,t=2,p=4$xhwxLtbBIfhdQeAQ0/INaA$9yDGq8ei4FMuu5ByppRHbReIHYxpU5AeiBrb1PAgJjM"),
    "docargoni": (PASSWORD, "$argon2i$v=19$m=1024,t=2,p=1$b6AaqpzbDvoTjobkdJZIFA$JFBiaUr1febdQNs4tJHJtZ0uARuvxpyIBXsw3qJTD3U"),
    "djangoargon": (PASSWORD, "argon2$argon2id$v=19$m=1024,t=2,p=2$+uv4OYT1sFfuolLmuFOukg$b5cvs9C7E1dSBz5Ir8ooR3TDKXE1rql/X7YRtPCd7w0"),
    # Made here.
    "oldbcrypt": (PASSWORD, BCRYPT),
    # Some programs set bits of the salt that mean nothing.
    "sparebits": (PASSWORD, BCRYPT.replace("uu", "uv", 1)),
    "djangobcrypt": (PASSWORD, f"bcrypt${BCRYPT}"),
    "accents": ("mot de passe très secret", "$2b$05$abcdefghijklmnopqrstuuCMmOOeC5/awnEfq9palwGjxrvpSwpCK"),
    "pbkdfone": (PASSWORD, passlib_pbkdf2(PASSWORD.encode(), "sha1")),
    "pbkdftwo": (PASSWORD, passlib_pbkdf2(PASSWORD.encode(), "sha256")),
    "pbkdffive": (PASSWORD, passlib_pbkdf2(PASSWORD.encode(), "sha512")),
    "djangopbkdf": (PASSWORD, django_pbkdf2(PASSWORD.encode())),
    "scryptone": (PASSWORD, scrypt(PASSWORD.encode())),
    "scryptwide": (PASSWORD, scrypt(PASSWORD.encode(), r=32, p=1)),
}


def bring(server, lines, *words):
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    done = server.command_with(text, "account", "import", "-", "--json", *words)
    return done, json.loads(done.stdout) if done.stdout else None


def sign_in(server, name, password):
    journey = server.call("POST", "/api/v1/sign-in", {"username": name}).json()["journey"]
    return server.call("POST", "/api/v1/sign-in/password", {"journey": journey, "password": password})


def rows(server, statement, *values):
    with sqlite3.connect(server.data / "sparekey.sqlite") as database:
        return database.execute(statement, values).fetchall()


def stored(server, name):
    (row,) = rows(server, "SELECT LENGTH(password), password FROM accounts WHERE username = ?", name)
    return row


def test_o6_foreign_hashes_open_their_accounts_and_are_replaced_by_ours(server):
    done, report = bring(server, [{"username": name, "passwordHash": text} for name, (_, text) in HASHES.items()])
    assert done.returncode == 0, done.stderr
    assert report == {"made": len(HASHES), "alreadyThere": 0, "refused": 0}
    assert rows(server, "SELECT detail FROM audit WHERE action = 'accounts-imported'") == [(f"{len(HASHES)} accounts",)]
    for name, (password, text) in HASHES.items():
        before = stored(server, name)
        assert text.encode() not in before[1]
        refused = sign_in(server, name, password + "x")
        assert refused.status_code == 403, (name, refused.text)
        assert stored(server, name) == before
        assert sign_in(server, name, password).status_code == 200, name
        after = stored(server, name)
        # As long as every hash of ours, whatever it was before: key, nonce, cost, salt, hash and tag.
        assert after[0] == 1 + 12 + 8 + 16 + 32 + 16, name
        assert sign_in(server, name, password).status_code == 200, name
        assert sign_in(server, name, password + "x").status_code == 403, name
        assert stored(server, name) == after


def test_o6_what_was_confirmed_there_opens_here_and_nobody_is_written_to(server):
    entry = {
        "username": "moved", "passwordHash": HASHES["oldbcrypt"][1], "createdAt": "2019-03-04T05:06:07Z",
        "emails": [{"address": "moved@example.org", "confirmed": True}, {"address": "new@example.org"}],
        "phones": [{"address": "+41 44 668 18 00", "confirmed": True}]}
    assert bring(server, [entry])[1]["made"] == 1
    account = server.command("account", "show", "moved", "--json")
    shown = json.loads(account.stdout)
    assert shown["account"]["createdAt"] == "2019-03-04T05:06:07Z"
    assert {(proof["kind"], proof["senior"]) for proof in shown["proofs"]} >= {("email", True), ("phone", True)}
    started = server.call("POST", "/api/v1/recovery", {"username": "moved"}).json()
    assert len(started["options"]) == 2
    for address in ("moved@example.org", "new@example.org"):
        assert not server.mails(address)


def test_q5_a_bad_line_is_named_and_the_others_are_made(server):
    good = {"username": "goodline", "passwordHash": HASHES["oldbcrypt"][1]}
    bad = [
        ("{", "JSON object"), ("[]", "JSON object"), ('"text"', "JSON object"),
        ({"passwordHash": good["passwordHash"]}, "username is missing"),
        ({"username": "nohash"}, "passwordHash is missing"),
        (good | {"username": ""}, "username"),
        (good | {"username": "kind", "emails": "a@example.org"}, "emails is of the wrong kind"),
        (good | {"username": "typo", "email": "a@example.org"}, "unknown member email"),
        (good | {"username": "typo", "emails": [{"adress": "a@example.org"}]}, "unknown member adress"),
        (good | {"username": "noaddress", "emails": [{"address": "nowhere"}]}, "email"),
        (good | {"username": "future", "createdAt": "2999-01-01T00:00:00Z"}, "future"),
        (good | {"username": "never", "createdAt": "yesterday"}, "createdAt"),
        (good | {"username": "plain", "passwordHash": "letmein"}, "no kind known here"),
        (good | {"username": "md5", "passwordHash": "$1$abc$def"}, "no kind known here"),
        (good | {"username": "cut", "passwordHash": good["passwordHash"][:-1]}, "bcrypt"),
        (good | {"username": "slow", "passwordHash": good["passwordHash"].replace("$05$", "$31$")}, "too long"),
        (good | {"username": "large", "passwordHash": "$argon2id$v=19$m=9999999,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"}, "too long"),
        (good | {"username": "deep", "passwordHash": "$scrypt$ln=30,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"}, "too long"),
        (good | {"username": "narrow", "passwordHash": "$scrypt$ln=16,r=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"}, "scrypt"),
        (good | {"username": "wide", "passwordHash": "$scrypt$ln=16,r=866666666666666666,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"}, "too long"),
        (good | {"username": "x" * 70_000}, "longer than"),
    ]
    done, report = bring(server, ["", *(line for line, _ in bad), good], "--dry-run")
    assert report == {"made": 1, "alreadyThere": 0, "refused": len(bad)}
    assert "goodline" not in server.command("account", "list").stdout
    done, report = bring(server, ["", *(line for line, _ in bad), good])
    assert done.returncode == 1
    assert report == {"made": 1, "alreadyThere": 0, "refused": len(bad)}
    said = done.stderr.strip().splitlines()
    assert len(said) == len(bad), done.stderr
    for number, (words, line) in enumerate(zip((words for _, words in bad), said), start=2):
        assert line.startswith(f"Line {number}: ") and words in line, line
        assert good["passwordHash"] not in line
    # Again, as after an interruption: nothing is made twice or changed, not even for a name that looks alike.
    done, report = bring(server, [good, good | {"username": "GoodLine"}])
    assert (done.returncode, report) == (0, {"made": 0, "alreadyThere": 2, "refused": 0})


def test_o6_a_file_is_streamed_and_one_that_is_not_there_is_named(start_server, tmp_path):
    server = start_server()
    done = server.command("account", "import", tmp_path / "nothing.jsonl")
    assert done.returncode == 1 and "nothing.jsonl cannot be read: No such file" in done.stderr
    hashed = HASHES["oldbcrypt"][1]
    with (tmp_path / "many.jsonl").open("w") as file:
        for number in range(3_000):
            file.write(json.dumps({"username": f"many{number}", "passwordHash": hashed}) + "\n")
    done = server.command("account", "import", tmp_path / "many.jsonl")
    assert done.stdout == "3000 accounts made, 0 were there already, 0 refused.\n", done.stderr
    assert sign_in(server, "many2999", PASSWORD).status_code == 200
