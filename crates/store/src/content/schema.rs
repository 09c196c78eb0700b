//! The tables of `content.db`.

use crate::migrate::Schema;

pub(super) const SCHEMA: Schema = Schema { application_id: 0x4352_434f, steps: &[FIRST] };

const FIRST: &str = "
CREATE TABLE keys (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  -- The master key that the key below is wrapped under, by its id.
  master TEXT NOT NULL,
  -- The key of the keyed hash by which identities are found.
  lookup_key BLOB NOT NULL
) STRICT;

CREATE TABLE subjects (
  pseudonym TEXT PRIMARY KEY,
  lookup BLOB NOT NULL UNIQUE,
  master TEXT NOT NULL,
  data_key BLOB NOT NULL,
  identity BLOB NOT NULL,
  seen INTEGER NOT NULL
) STRICT;
CREATE INDEX subjects_by_age ON subjects (seen);

CREATE TABLE pieces (
  of TEXT NOT NULL,
  role TEXT NOT NULL,
  subject TEXT NOT NULL REFERENCES subjects (pseudonym),
  level TEXT NOT NULL,
  time INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  -- Salt and content, sealed under the key of the subject.
  sealed BLOB NOT NULL,
  PRIMARY KEY (of, role)
) STRICT;
CREATE INDEX pieces_by_subject ON pieces (subject, of, role);
CREATE INDEX pieces_by_age ON pieces (time);
";
