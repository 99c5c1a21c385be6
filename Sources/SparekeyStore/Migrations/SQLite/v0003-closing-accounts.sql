-- Closing an account (D5). A closed one keeps its row, and so its name, which nobody else gets.

ALTER TABLE accounts ADD COLUMN closes_at INTEGER;
ALTER TABLE accounts ADD COLUMN closed_at INTEGER;
CREATE INDEX accounts_closing ON accounts (closes_at) WHERE closed_at IS NULL;
