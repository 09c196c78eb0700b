//! The tables of `state.db`.

use crate::migrate::Schema;

pub(super) const SCHEMA: Schema = Schema { application_id: 0x4352_5354, steps: &[FIRST, SECOND, THIRD] };

// An empty text stands for "the organisation", "every environment" and "the agent as a whole", because a
// key column that may be null would not keep two equal rows apart. Names are never empty.
const FIRST: &str = "
CREATE TABLE tenant (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  name TEXT NOT NULL,
  published INTEGER NOT NULL
) STRICT;

CREATE TABLE agents (
  name TEXT PRIMARY KEY,
  profile TEXT NOT NULL,
  status TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE credentials (
  prefix TEXT PRIMARY KEY,
  holder TEXT NOT NULL CHECK (holder IN ('agent', 'operator')),
  owner TEXT NOT NULL,
  hash BLOB NOT NULL,
  label TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER,
  revoked INTEGER,
  last_used INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX credentials_by_owner ON credentials (holder, owner);

CREATE TABLE operators (
  name TEXT PRIMARY KEY,
  roles TEXT NOT NULL,
  disabled INTEGER NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rule_sets (
  name TEXT PRIMARY KEY,
  layer TEXT NOT NULL,
  target TEXT,
  language TEXT NOT NULL,
  created INTEGER NOT NULL,
  newest INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rule_versions (
  rule_set TEXT NOT NULL REFERENCES rule_sets (name),
  number INTEGER NOT NULL,
  text TEXT NOT NULL,
  digest BLOB NOT NULL,
  author TEXT NOT NULL,
  note TEXT NOT NULL,
  created INTEGER NOT NULL,
  state TEXT NOT NULL,
  percent INTEGER NOT NULL,
  approved_by TEXT,
  activated INTEGER,
  PRIMARY KEY (rule_set, number)
) STRICT;
CREATE INDEX rule_versions_in_use ON rule_versions (state) WHERE state IN ('shadow', 'active');

CREATE TABLE settings (
  scope TEXT NOT NULL,
  scope_name TEXT NOT NULL,
  environment TEXT NOT NULL,
  settings TEXT NOT NULL,
  updated INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (scope, scope_name, environment)
) STRICT, WITHOUT ROWID;

CREATE TABLE denies (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  reason TEXT NOT NULL,
  operator TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER,
  hits INTEGER NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE freezes (
  scope TEXT NOT NULL,
  scope_name TEXT NOT NULL,
  environment TEXT NOT NULL,
  reason TEXT NOT NULL,
  operator TEXT NOT NULL,
  created INTEGER NOT NULL,
  until INTEGER,
  PRIMARY KEY (scope, scope_name, environment)
) STRICT, WITHOUT ROWID;

CREATE TABLE approval_policies (
  scope TEXT NOT NULL,
  scope_name TEXT NOT NULL,
  environment TEXT NOT NULL,
  approvers TEXT NOT NULL,
  quorum INTEGER NOT NULL,
  deadline INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (scope, scope_name, environment)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
  name TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  place TEXT NOT NULL,
  created INTEGER NOT NULL,
  rotated INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE claims (
  agent TEXT NOT NULL,
  key TEXT NOT NULL,
  request BLOB NOT NULL,
  decision TEXT NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (agent, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_end ON claims (expires);

CREATE TABLE nonces (
  agent TEXT NOT NULL,
  nonce BLOB NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (agent, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX nonces_by_end ON nonces (expires);

CREATE TABLE facts (
  agent TEXT NOT NULL,
  session TEXT NOT NULL,
  bytes BLOB NOT NULL,
  version INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  PRIMARY KEY (agent, session)
) STRICT;
CREATE INDEX facts_by_age ON facts (updated);
";

// What approvals need for which actions, when a roll-out returns by itself, and who decides for whom.
const SECOND: &str = "
ALTER TABLE approval_policies ADD COLUMN more TEXT NOT NULL DEFAULT '[]';

ALTER TABLE rule_versions ADD COLUMN return_when TEXT;

CREATE TABLE delegations (
  delegator TEXT NOT NULL,
  delegate TEXT NOT NULL,
  reason TEXT NOT NULL,
  created INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (delegator, delegate)
) STRICT, WITHOUT ROWID;
";

// A clock that went ahead and came back must not make a nonce good again that was forgotten in between.
const THIRD: &str = "
CREATE TABLE forgotten (
  what TEXT PRIMARY KEY CHECK (what = 'nonces'),
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";
