-- Contact support, its agents, and the audit trail.

CREATE TABLE agents (
  account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
  since INTEGER NOT NULL
) STRICT;

CREATE TABLE cases (
  id TEXT NOT NULL PRIMARY KEY,
  number TEXT NOT NULL UNIQUE,
  category TEXT NOT NULL,
  state TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  assignee TEXT,
  content BLOB NOT NULL,
  email_digest BLOB NOT NULL,
  ticket_digest BLOB NOT NULL,
  source_address TEXT NOT NULL,
  source_agent TEXT NOT NULL
) STRICT;
CREATE INDEX cases_by_state ON cases (state, changed_at);
CREATE INDEX cases_by_email ON cases (email_digest);

CREATE TABLE case_messages (
  case_id TEXT NOT NULL REFERENCES cases (id),
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  author TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (case_id, number)
) STRICT;

CREATE TABLE hold_requests (
  id TEXT NOT NULL PRIMARY KEY,
  case_id TEXT NOT NULL REFERENCES cases (id),
  account_id TEXT NOT NULL REFERENCES accounts (id),
  requested_by TEXT NOT NULL,
  requested_at INTEGER NOT NULL,
  reason BLOB NOT NULL,
  decision TEXT,
  decided_by TEXT,
  decided_at INTEGER,
  hold_id TEXT
) STRICT;
CREATE UNIQUE INDEX one_undecided_request ON hold_requests (account_id) WHERE decided_at IS NULL;
CREATE INDEX hold_requests_by_case ON hold_requests (case_id);

-- What was asked for is what is decided, once.
CREATE TRIGGER hold_requests_are_immutable BEFORE UPDATE OF
  id, case_id, account_id, requested_by, requested_at, reason ON hold_requests
BEGIN SELECT RAISE(ABORT, 'a request for a hold is immutable'); END;
CREATE TRIGGER decided_requests_stay_decided BEFORE UPDATE OF
  decision, decided_by, decided_at, hold_id ON hold_requests WHEN OLD.decided_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a decided request stays decided'); END;

-- Number and chain are filled in later, once, when the order of the commits is known.
CREATE TABLE audit (
  id TEXT NOT NULL PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  account_id TEXT,
  detail TEXT NOT NULL,
  number INTEGER UNIQUE,
  chain BLOB
) STRICT;
CREATE INDEX audit_by_time ON audit (at);

CREATE TRIGGER audit_is_immutable BEFORE UPDATE OF id, at, actor, action, account_id, detail ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is immutable'); END;
CREATE TRIGGER audit_is_numbered_once BEFORE UPDATE OF number, chain ON audit WHEN OLD.number IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the audit trail is immutable'); END;
CREATE TRIGGER audit_is_append_only BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
