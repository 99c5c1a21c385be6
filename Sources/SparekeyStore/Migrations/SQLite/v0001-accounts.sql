-- Times are milliseconds since 1970 UTC; ids are text; digests and sealed values are bytes.

CREATE TABLE accounts (
  id TEXT NOT NULL PRIMARY KEY,
  username TEXT NOT NULL,
  username_canonical TEXT NOT NULL UNIQUE,
  username_skeleton TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  version TEXT NOT NULL,
  password BLOB NOT NULL,
  password_changed_at INTEGER NOT NULL,
  two_step_since INTEGER,
  code_salt BLOB NOT NULL
) STRICT;

CREATE TABLE contacts (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  kind TEXT NOT NULL,
  address BLOB NOT NULL,
  address_digest BLOB NOT NULL,
  added_at INTEGER NOT NULL,
  from_sign_up INTEGER NOT NULL,
  confirmed_at INTEGER,
  removed_at INTEGER,
  confirmation BLOB,
  confirmation_expires_at INTEGER,
  confirmation_tries INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX contacts_by_account ON contacts (account_id);
CREATE INDEX contacts_by_address ON contacts (address_digest);

CREATE TABLE recovery_codes (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  serial TEXT NOT NULL,
  hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  ending TEXT,
  ended_at INTEGER
) STRICT;
CREATE UNIQUE INDEX one_live_code ON recovery_codes (account_id) WHERE ended_at IS NULL;
CREATE INDEX recovery_codes_by_account ON recovery_codes (account_id, created_at);

CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY,
  token_digest BLOB NOT NULL UNIQUE,
  account_id TEXT NOT NULL REFERENCES accounts (id),
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  proved_at INTEGER NOT NULL,
  source_address TEXT NOT NULL,
  source_agent TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_by_account ON sessions (account_id);

CREATE TABLE security_history (
  account_id TEXT NOT NULL REFERENCES accounts (id),
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL,
  source_address TEXT NOT NULL,
  source_agent TEXT NOT NULL,
  left_version TEXT,
  state_before BLOB,
  PRIMARY KEY (account_id, number)
) STRICT;

CREATE TABLE throttle (
  bucket BLOB NOT NULL PRIMARY KEY,
  tries INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  blocked_until INTEGER NOT NULL
) STRICT;

CREATE TABLE outbox (
  id TEXT NOT NULL PRIMARY KEY,
  body BLOB,
  created_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  delivered_at INTEGER
) STRICT;
CREATE INDEX outbox_due ON outbox (due_at) WHERE delivered_at IS NULL;

CREATE TABLE spent (
  id TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
