//! A path that lies inside of a folder, by how it is written. Links are another matter, for whoever
//! opens it.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use crate::Refused;

/// Most bytes of a path and of one name in it, as on Linux.
const MAX_PATH: usize = 4096;
const MAX_NAME: usize = 255;

/// Names below a folder, one or more: no `..`, no `.`, nothing absolute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inside {
    names: Vec<String>,
    /// As it was written, for answers.
    written: String,
}

impl Inside {
    /// The part of an absolute path below `folder`.
    pub fn of(path: &str, folder: &Path) -> Result<Self, Refused> {
        // A path is taken as it stands: `..` is refused and not resolved, because `a/../b` is another
        // file than `b` where `a` is a link.
        let odd = path.len() > MAX_PATH
            || path.contains('\0')
            || path.ends_with('/')
            || path.split('/').skip(1).any(|name| matches!(name, "" | "." | ".."));
        let below = Path::new(path).strip_prefix(folder).ok().filter(|_| !odd);
        let names: Option<Vec<String>> = below.and_then(|below| {
            below
                .components()
                .map(|component| match component {
                    Component::Normal(name) => {
                        name.to_str().filter(|it| it.len() <= MAX_NAME).map(str::to_owned)
                    }
                    Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
                        None
                    }
                })
                .collect()
        });
        match names {
            Some(names) if !names.is_empty() => Ok(Inside { names, written: path.to_owned() }),
            Some(_) | None => Err(Refused::Leaves("a path is not plainly below the folder".to_owned())),
        }
    }

    pub fn folder(&self) -> &[String] {
        self.names.split_last().map_or(&[], |(_, folder)| folder)
    }

    pub fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    pub fn len(&self) -> usize {
        self.written.len()
    }
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Whether agents may name a folder so: absolute, without `..`.
pub fn is_plain(path: &Path) -> bool {
    let plain: PathBuf = path.components().collect();
    path.is_absolute() && plain == path && !path.components().any(|it| matches!(it, Component::ParentDir))
}
