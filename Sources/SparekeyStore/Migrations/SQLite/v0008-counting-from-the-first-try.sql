-- Tries are counted from the first one on for the length of their rule. What was counted before goes on from its last try.

ALTER TABLE throttle RENAME COLUMN last_at TO since;
