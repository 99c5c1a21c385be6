-- Apps that people sign in to (OpenID Connect): clients, what was allowed, and what they were given.

ALTER TABLE sessions ADD COLUMN is_recovered INTEGER NOT NULL DEFAULT 0;

CREATE TABLE clients (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  secret_digest BLOB,
  redirect_uris TEXT NOT NULL,
  post_logout_uris TEXT NOT NULL,
  back_channel_logout_uri TEXT,
  algorithm TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE app_grants (
  account_id TEXT NOT NULL REFERENCES accounts (id),
  client_id TEXT NOT NULL REFERENCES clients (id),
  scopes TEXT NOT NULL,
  granted_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, client_id)
) STRICT;
CREATE INDEX app_grants_by_client ON app_grants (client_id);

-- They outlive their session until their app was told.
CREATE TABLE app_sessions (
  id TEXT NOT NULL PRIMARY KEY,
  client_id TEXT NOT NULL REFERENCES clients (id),
  account_id TEXT NOT NULL REFERENCES accounts (id),
  session_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  due_at INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX one_app_session ON app_sessions (session_id, client_id) WHERE ended_at IS NULL;
CREATE INDEX app_sessions_by_account ON app_sessions (account_id, client_id);
CREATE INDEX app_sessions_by_client ON app_sessions (client_id);
CREATE INDEX app_sessions_ended ON app_sessions (due_at) WHERE ended_at IS NOT NULL;

CREATE TABLE authorizations (
  id TEXT NOT NULL PRIMARY KEY,
  app_session_id TEXT NOT NULL REFERENCES app_sessions (id),
  code_digest BLOB NOT NULL UNIQUE,
  redirect_uri TEXT NOT NULL,
  challenge TEXT NOT NULL,
  nonce TEXT,
  scopes TEXT NOT NULL,
  authentication TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  redeemed_at INTEGER,
  refresh_digest BLOB,
  ended_at INTEGER
) STRICT;
CREATE INDEX authorizations_by_app_session ON authorizations (app_session_id);
CREATE INDEX authorizations_by_age ON authorizations (created_at);

CREATE TABLE access_tokens (
  digest BLOB NOT NULL PRIMARY KEY,
  authorization_id TEXT NOT NULL REFERENCES authorizations (id),
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX access_tokens_by_authorization ON access_tokens (authorization_id);
CREATE INDEX access_tokens_by_end ON access_tokens (expires_at);

CREATE TABLE signing_keys (
  id TEXT NOT NULL PRIMARY KEY,
  algorithm TEXT NOT NULL,
  number INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  used_from INTEGER NOT NULL,
  UNIQUE (algorithm, number)
) STRICT;
