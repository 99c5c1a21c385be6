"""S4: python-fido2, another relying party, accepts every passkey answer that ours has to accept."""

import json

from passkey_vectors import ROOT, checked


def test_s4_another_relying_party_accepts_what_ours_accepts():
    vectors = json.loads((ROOT / "Tests/SparekeyCoreTests/passkey-vectors.json").read_text())
    agreed, only_ours = checked(vectors)
    # It looks at less: attestation keys, backups, counters and members that occur twice are no concern of its.
    assert agreed > 2 * len(only_ours)
