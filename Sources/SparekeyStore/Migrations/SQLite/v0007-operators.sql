-- Tokens of the operator API, and where apps were registered.

CREATE TABLE operator_tokens (
  digest BLOB NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  last_used_at INTEGER
) STRICT;

ALTER TABLE clients ADD COLUMN origin TEXT NOT NULL DEFAULT 'operator';
