//! The tables of `index.db`. Every row follows from the records alone.

use crate::migrate::Schema;

pub(super) const SCHEMA: Schema = Schema { application_id: 0x4352_4958, steps: &[FIRST] };

/// Tables whose rows belong to one record, by the column that names it. What retention deletes from.
pub(super) const BY_SEQUENCE: &[&str] = &[
    "decisions",
    "detections",
    "hits",
    "holds",
    "approvals",
    "outcomes",
    "operator_acts",
    "erasures",
    "gaps",
    "policies",
    "records",
];

/// Every table with the columns that order its rows.
pub(super) const TABLES: &[(&str, &str)] = &[
    ("cursor", "one"),
    ("records", "sequence"),
    ("decisions", "sequence"),
    ("detections", "sequence, ordinal"),
    ("hits", "vector, sequence"),
    ("holds", "of"),
    ("approvals", "sequence"),
    ("outcomes", "sequence"),
    ("findings", "key"),
    ("operator_acts", "sequence"),
    ("erasures", "sequence"),
    ("gaps", "sequence"),
    ("policies", "sequence"),
    ("hours", "hour, kind, key"),
];

// Lists are ordered by sequence, which is the rowid and thus the end of every index: each index below
// serves its filter and the order at once.
const FIRST: &str = "
CREATE TABLE cursor (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  next INTEGER NOT NULL,
  leaf BLOB,
  -- The latest time of a record so far, and whether times never went back.
  newest INTEGER NOT NULL,
  monotone INTEGER NOT NULL,
  -- Records of before this time are not kept.
  horizon INTEGER NOT NULL
) STRICT;
INSERT INTO cursor VALUES (1, 0, NULL, -9223372036854775808, 1, -9223372036854775808);

CREATE TABLE records (
  sequence INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  time INTEGER NOT NULL,
  agent TEXT,
  session TEXT,
  trace TEXT,
  principal TEXT,
  leaf BLOB NOT NULL,
  -- The first eight bytes of the leaf: enough to find it, and a quarter of the index.
  leaf_key INTEGER NOT NULL,
  cause BLOB,
  about TEXT,
  notes TEXT NOT NULL
) STRICT;
CREATE INDEX records_by_time ON records (time);
CREATE INDEX records_by_leaf ON records (leaf_key) WHERE about IS NOT NULL;
CREATE INDEX records_by_cause ON records (cause) WHERE cause IS NOT NULL;
CREATE INDEX records_by_about ON records (about) WHERE about IS NOT NULL;

CREATE TABLE decisions (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  time INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  effective TEXT NOT NULL,
  mode TEXT NOT NULL,
  rule TEXT NOT NULL,
  rules BLOB NOT NULL,
  baseline BLOB,
  score INTEGER,
  base INTEGER,
  uplift INTEGER,
  parts BLOB,
  weights BLOB,
  -- One bit for each vector of the list that hit.
  vectors INTEGER NOT NULL,
  kind TEXT,
  operation TEXT,
  environment TEXT,
  tool TEXT,
  resource TEXT,
  agent TEXT,
  agent_version TEXT,
  session TEXT,
  trace TEXT,
  principal TEXT,
  latency TEXT NOT NULL,
  outcome TEXT
) STRICT;
CREATE INDEX decisions_by_id ON decisions (id);
CREATE INDEX decisions_by_agent ON decisions (agent);
CREATE INDEX decisions_by_session ON decisions (session) WHERE session IS NOT NULL;
CREATE INDEX decisions_by_trace ON decisions (trace) WHERE trace IS NOT NULL;
CREATE INDEX decisions_by_principal ON decisions (principal) WHERE principal IS NOT NULL;
CREATE INDEX decisions_by_verdict ON decisions (verdict);
CREATE INDEX decisions_by_rule ON decisions (rule);

CREATE TABLE detections (
  sequence INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  vector TEXT NOT NULL,
  rule TEXT NOT NULL,
  severity INTEGER NOT NULL,
  confidence INTEGER NOT NULL,
  class TEXT,
  PRIMARY KEY (sequence, ordinal)
) STRICT, WITHOUT ROWID;

-- Each vector of a decision once, in the order of lists by vector.
CREATE TABLE hits (
  vector TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (vector, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX hits_by_sequence ON hits (sequence);

CREATE TABLE holds (
  of TEXT PRIMARY KEY,
  sequence INTEGER NOT NULL,
  state TEXT NOT NULL,
  needed INTEGER NOT NULL,
  votes INTEGER NOT NULL,
  until INTEGER,
  released INTEGER NOT NULL,
  requested INTEGER NOT NULL,
  moved INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_by_state ON holds (state, sequence);
CREATE INDEX holds_by_sequence ON holds (sequence);

CREATE TABLE approvals (
  sequence INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  of TEXT NOT NULL,
  step TEXT NOT NULL,
  by TEXT,
  channel TEXT,
  needed INTEGER,
  until INTEGER
) STRICT;
CREATE INDEX approvals_by_of ON approvals (of);

CREATE TABLE outcomes (
  sequence INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  of TEXT NOT NULL,
  report TEXT NOT NULL
) STRICT;
CREATE INDEX outcomes_by_of ON outcomes (of);

CREATE TABLE findings (
  -- Four for each record: the recorded one, then what was concluded from it.
  key INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  rule TEXT NOT NULL,
  severity INTEGER NOT NULL,
  derived INTEGER NOT NULL,
  of TEXT,
  agent TEXT,
  session TEXT
) STRICT;
CREATE INDEX findings_by_of ON findings (of) WHERE of IS NOT NULL;

CREATE TABLE operator_acts (
  sequence INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  act TEXT NOT NULL,
  by TEXT NOT NULL,
  target TEXT,
  notes TEXT NOT NULL
) STRICT;

CREATE TABLE erasures (
  sequence INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  principal TEXT NOT NULL,
  basis TEXT NOT NULL,
  by TEXT NOT NULL,
  pieces INTEGER NOT NULL
) STRICT;

CREATE TABLE gaps (
  sequence INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  reason TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  was BLOB,
  notes TEXT NOT NULL
) STRICT;

CREATE TABLE policies (
  sequence INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  act TEXT,
  by TEXT,
  target TEXT,
  notes TEXT NOT NULL
) STRICT;

CREATE TABLE hours (
  hour INTEGER NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (kind, hour, key)
) STRICT, WITHOUT ROWID;
";
