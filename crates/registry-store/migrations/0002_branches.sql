-- The log index of the decision that named the branch of a forked epoch that stands.
ALTER TABLE epochs ADD COLUMN decided_by INTEGER;
