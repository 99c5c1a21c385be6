-- What PostgreSQL needs beside the tables of both engines.

-- One row for each transaction that changed something, written in it: after a lost COMMIT it says what became of it.
-- `done` is 0 where someone asked first: then that transaction can never commit.
CREATE TABLE commits (
  id TEXT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  done BIGINT NOT NULL
);
CREATE INDEX commits_by_time ON commits (at);

-- What the triggers of the shared schema do.
CREATE FUNCTION sparekey_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0];
END;
$$;
