//! Documents that the program prints about itself.

use std::io::Write;

use anyhow::Result;
use clap::CommandFactory;

use crate::cli::{Args, Contract};
use crate::exit::Exit;

/// A contract of ours as one JSON document.
pub fn schema(contract: Contract) -> Result<Exit> {
    let document = match contract {
        Contract::Action => serde_json::to_value(action::schema::document())?,
        Contract::Operators => control::openapi(),
    };
    let text = serde_json::to_string_pretty(&document)?;
    writeln!(std::io::stdout(), "{text}")?;
    Ok(Exit::Success)
}

/// The page on providers of models.
pub fn providers() -> Result<Exit> {
    std::io::stdout().write_all(crate::providers_page::page()?.as_bytes())?;
    Ok(Exit::Success)
}

pub fn completions(shell: clap_complete::Shell) -> Result<Exit> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "checkrein", &mut out);
    std::io::stdout().write_all(&out)?;
    Ok(Exit::Success)
}

/// The manual page of the program, then those of its commands.
pub fn man() -> Result<Exit> {
    let mut out = Vec::new();
    let command = Args::command();
    clap_mangen::Man::new(command.clone()).render(&mut out)?;
    for sub in command.get_subcommands() {
        let name = format!("checkrein-{}", sub.get_name());
        clap_mangen::Man::new(sub.clone()).title(name).render(&mut out)?;
    }
    std::io::stdout().write_all(&out)?;
    Ok(Exit::Success)
}
