-- Two-step verification, security info beyond email, recoveries that wait, frozen accounts.

ALTER TABLE accounts ADD COLUMN password_needs_two_step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN frozen_at INTEGER;
ALTER TABLE accounts ADD COLUMN frozen_event_at INTEGER;
ALTER TABLE accounts ADD COLUMN hold_due_at INTEGER;

ALTER TABLE recovery_codes ADD COLUMN checked_at INTEGER;

ALTER TABLE sessions ADD COLUMN proofs TEXT NOT NULL DEFAULT '["password"]';
ALTER TABLE sessions ADD COLUMN restriction TEXT;

CREATE TABLE authenticator_apps (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  secret BLOB NOT NULL,
  added_at INTEGER NOT NULL,
  confirmed_at INTEGER,
  last_step INTEGER NOT NULL DEFAULT 0,
  last_used_at INTEGER,
  removed_at INTEGER
) STRICT;
CREATE INDEX authenticator_apps_by_account ON authenticator_apps (account_id);

CREATE TABLE passkeys (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  credential_id BLOB NOT NULL,
  credential TEXT NOT NULL,
  signature_count INTEGER NOT NULL,
  added_at INTEGER NOT NULL,
  last_used_at INTEGER,
  removed_at INTEGER
) STRICT;
CREATE INDEX passkeys_by_account ON passkeys (account_id);
CREATE UNIQUE INDEX one_passkey_per_credential ON passkeys (credential_id) WHERE removed_at IS NULL;

CREATE TABLE holds (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  purpose TEXT NOT NULL,
  state TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL,
  policy_row INTEGER NOT NULL,
  evidence TEXT NOT NULL,
  seniors TEXT NOT NULL,
  parked BLOB NOT NULL,
  ticket_digest BLOB NOT NULL,
  source_address TEXT NOT NULL,
  source_agent TEXT NOT NULL,
  contested_at INTEGER,
  contested_by TEXT,
  told_at INTEGER,
  ticket_used INTEGER NOT NULL DEFAULT 0,
  chosen_again_at INTEGER,
  next_notice_at INTEGER,
  ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX one_open_hold ON holds (account_id) WHERE ended_at IS NULL;
CREATE INDEX holds_by_account ON holds (account_id, ended_at);
CREATE INDEX holds_due ON holds (ends_at) WHERE ended_at IS NULL;

-- What was decided at the start of a hold stays so, whatever program writes here.
CREATE TRIGGER holds_are_immutable BEFORE UPDATE OF
  id, account_id, purpose, started_at, ends_at, policy_row, evidence, seniors, parked, ticket_digest ON holds
BEGIN SELECT RAISE(ABORT, 'a hold is immutable'); END;
CREATE TRIGGER ended_holds_stay_ended BEFORE UPDATE OF state, ended_at ON holds WHEN OLD.ended_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'an ended hold stays ended'); END;

CREATE TABLE service_facts (
  name TEXT NOT NULL PRIMARY KEY,
  at INTEGER NOT NULL
) STRICT;
