-- Answers to creating calls, for whoever sends one again with the same Idempotency-Key.

CREATE TABLE kept_answers (
  id BLOB NOT NULL PRIMARY KEY,
  request BLOB NOT NULL,
  answer BLOB,
  is_secret INTEGER NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX kept_answers_by_age ON kept_answers (at);
