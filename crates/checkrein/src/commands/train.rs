//! `checkrein train-injection`: the weights of the injection model, made again from their sources.

use std::io::Write;

use anyhow::{Context, Result};
use engine::detect::injection::model::Model;

use crate::cli::TrainInjection;
use crate::exit::Exit;
use crate::report::injection;

pub fn run(args: &TrainInjection) -> Result<Exit> {
    let rows = injection::rows(&args.dir)?;
    eprintln!("training on {} rows and the built-in texts; this takes a few minutes", rows.len());
    let trained = engine::train::train(&rows);
    let mut out = std::io::stdout().lock();
    let same = Model::shipped().is_some_and(|model| model.to_bytes() == trained.weights);
    let Some(folder) = &args.out else {
        let answer =
            if same { "the same as the built-in weights, byte for byte" } else { "not the built-in weights" };
        writeln!(out, "{answer}")?;
        return Ok(if same { Exit::Success } else { Exit::Found });
    };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    for (name, bytes) in
        [("injection.bin", trained.weights.as_slice()), ("injection.md", trained.card.as_bytes())]
    {
        let path = folder.join(name);
        // Beside it first: a reader never meets half a file under the real name.
        let draft = folder.join(format!(".{name}.part"));
        std::fs::write(&draft, bytes).with_context(|| format!("cannot write `{}`", draft.display()))?;
        std::fs::rename(&draft, &path)
            .with_context(|| format!("cannot put `{}` in place", path.display()))?;
        writeln!(out, "wrote {}", path.display())?;
    }
    Ok(Exit::Success)
}
