-- When the generation before the current one was made: a request that was under way while the family advanced twice within the window carries
-- a token two generations old, and is no replay (docs/decisions/0027). Zero: long ago.
ALTER TABLE refresh_family ADD COLUMN previous_at INTEGER NOT NULL DEFAULT 0;
