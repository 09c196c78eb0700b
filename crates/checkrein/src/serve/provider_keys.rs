//! Keys of providers that operators put while the server runs: sealed in one file of the data folder.
//!
//! The file is useless without `keys/provider.key`. A sealed key is bound to the name of its provider, so
//! that it cannot be moved to another one, whose host would be sent it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use action::Name;
use anyhow::{Context as _, Result, anyhow, bail};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::ports::Dice;
use gateway::route::Secret;
use zeroize::Zeroizing;

use super::secrets;

const FILE: &str = "provider-keys.json";

/// The keys, opened.
pub struct ProviderKeys {
    path: PathBuf,
    seal: RandomizedNonceKey,
    all: BTreeMap<Name, Secret>,
}

impl ProviderKeys {
    pub fn open(data: &Path, keys: &Path, dice: &dyn Dice) -> Result<Self> {
        let key = Zeroizing::new(secrets::key(keys, "provider.key", dice)?);
        let seal = RandomizedNonceKey::new(&AES_256_GCM, key.as_ref())
            .map_err(|_| anyhow!("the key `provider.key` is of no use"))?;
        let path = data.join(FILE);
        let mut opened = ProviderKeys { path, seal, all: BTreeMap::new() };
        let shown = opened.path.display().to_string();
        let bytes = match fs::read(&opened.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(opened),
            Err(error) => return Err(error).with_context(|| format!("cannot read `{shown}`")),
        };
        let sealed: BTreeMap<Name, String> =
            serde_json::from_slice(&bytes).with_context(|| format!("`{shown}` is damaged"))?;
        for (name, text) in sealed {
            let Some(secret) = opened.unseal(&name, &text) else {
                bail!(
                    "the key of provider `{name}` in `{shown}` does not open; put back `keys/provider.key` \
                     from the same backup, or remove `{shown}` and put the keys anew"
                );
            };
            opened.all.insert(name, secret);
        }
        Ok(opened)
    }

    pub fn get(&self, provider: &Name) -> Option<&Secret> {
        self.all.get(provider)
    }

    /// Keeps a key, or forgets it. On the disk when it returns, and unchanged when it fails.
    pub fn put(&mut self, provider: &Name, key: Option<Secret>) -> Result<()> {
        let mut next = self.all.clone();
        match key {
            Some(key) => next.insert(provider.clone(), key),
            None => next.remove(provider),
        };
        let sealed: Option<BTreeMap<&Name, String>> =
            next.iter().map(|(name, key)| Some((name, self.sealed(name, key)?))).collect();
        let sealed = sealed.context("cannot seal the keys of providers")?;
        let bytes = serde_json::to_vec(&sealed).context("cannot write the keys of providers")?;
        replace(&self.path, &bytes).with_context(|| format!("cannot write `{}`", self.path.display()))?;
        self.all = next;
        Ok(())
    }

    fn sealed(&self, provider: &Name, key: &Secret) -> Option<String> {
        // Sealed in place, with room for the tag: no copy of the key is left behind.
        let mut text = Vec::with_capacity(key.expose().len() + AES_256_GCM.tag_len());
        text.extend_from_slice(key.expose().as_bytes());
        let nonce = self.seal.seal_in_place_append_tag(bound(provider), &mut text).ok()?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.extend_from_slice(&text);
        Some(STANDARD.encode(sealed))
    }

    fn unseal(&self, provider: &Name, text: &str) -> Option<Secret> {
        let sealed = STANDARD.decode(text).ok()?;
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut rest = Zeroizing::new(rest.to_vec());
        let plain = self.seal.open_in_place(Nonce::from(nonce), bound(provider), &mut rest).ok()?;
        Some(Secret::new(std::str::from_utf8(plain).ok()?.to_owned()))
    }
}

fn bound(provider: &Name) -> Aad<[u8; 32]> {
    Aad::from(*action::digest("checkrein.provider_key.v1", &[provider.as_str().as_bytes()]).as_bytes())
}

/// Replaces a file at once, for its owner alone, and keeps it over a power cut.
pub fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    secrets::write_new(&beside, bytes)?;
    fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use gateway::ports::SystemDice;

    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn open(folder: &Path) -> Result<ProviderKeys> {
        ProviderKeys::open(folder, folder, &SystemDice)
    }

    #[test]
    fn keys_come_back_and_are_nowhere_to_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut keys = open(folder.path()).unwrap();
        keys.put(&name("main"), Some(Secret::new("sk-very-secret".into()))).unwrap();
        keys.put(&name("spare"), Some(Secret::new("sk-other".into()))).unwrap();
        let written = fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(!written.contains("secret") && !written.contains(&STANDARD.encode("sk-very-secret")));
        let again = open(folder.path()).unwrap();
        assert_eq!(again.get(&name("main")).unwrap().expose(), "sk-very-secret");
        keys.put(&name("main"), None).unwrap();
        assert!(open(folder.path()).unwrap().get(&name("main")).is_none());
        assert_eq!(open(folder.path()).unwrap().get(&name("spare")).unwrap().expose(), "sk-other");
    }

    #[test]
    fn a_sealed_key_opens_for_its_provider_and_with_its_own_key_file_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut keys = open(folder.path()).unwrap();
        keys.put(&name("main"), Some(Secret::new("sk-very-secret".into()))).unwrap();
        let path = folder.path().join(FILE);
        let written = fs::read_to_string(&path).unwrap();
        fs::write(&path, written.replace("main", "evil")).unwrap();
        let refused = format!("{:#}", open(folder.path()).map(drop).unwrap_err());
        assert!(refused.contains("does not open") && !refused.contains("secret"), "{refused}");
        fs::write(&path, &written).unwrap();
        fs::remove_file(folder.path().join("provider.key")).unwrap();
        assert!(open(folder.path()).is_err(), "a new key file opens nothing");
        fs::write(&path, "{").unwrap();
        assert!(open(folder.path()).is_err());
    }
}
