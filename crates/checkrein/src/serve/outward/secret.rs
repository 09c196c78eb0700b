//! Secrets that others gave us: in a file or in the environment, never in the settings.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// More than any secret needs.
const MAX_SECRET: usize = 4_096;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    File(PathBuf),
    Environment(String),
}

impl Secret {
    /// Reads it anew each time, so that a file that is replaced counts from then on.
    pub fn read(&self) -> Result<String> {
        let text = match self {
            Secret::File(path) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the secret in `{}`", path.display()))?,
            Secret::Environment(name) => {
                std::env::var(name).with_context(|| format!("the variable `{name}` holds no secret"))?
            }
        };
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_SECRET {
            bail!("a secret has 1 to {MAX_SECRET} bytes");
        }
        Ok(text.to_owned())
    }
}
