//! Redaction: sensitive values replaced before anybody outside sees them, and put back after.
