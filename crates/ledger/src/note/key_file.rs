//! A signing key in a file: for its owner's eyes, and sealed under a passphrase if there is one.
//!
//! Plain, the file is one line, the form that other tools of signed notes use. Sealed, it is four:
//! what it is, the public key, how the passphrase becomes a key, and the seed under AES-256-GCM with
//! the lines above it authenticated.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::pbkdf2;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{KeyKind, SigningKey, VerifierKey};

const PLAIN: &str = "PRIVATE+KEY+";
const SEALED: &str = "checkrein sealed key v1";
const KDF: &str = "pbkdf2-hmac-sha256";
/// OWASP's figure for PBKDF2 with SHA-256: about a third of a second.
const ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).unwrap();
/// A file that says more would hold up the start for minutes.
const MAX_ROUNDS: u32 = 10_000_000;
const MAX_FILE: u64 = 4096;

/// What a key file is sealed under. Wiped when dropped, never printed.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    pub fn new(text: &str) -> Self {
        Passphrase(Zeroizing::new(text.as_bytes().to_vec()))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("cannot write key file `{path}`: a file that exists is never overwritten")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot read key file `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("key file `{path}` can be read by others than its owner: run `chmod 600` on it")]
    Exposed { path: PathBuf },
    #[error("`{path}` is not a key file")]
    Form { path: PathBuf },
    #[error("key file `{path}` is sealed: a passphrase is needed")]
    Sealed { path: PathBuf },
    #[error("key file `{path}` does not open: the passphrase is wrong or the file was changed")]
    Locked { path: PathBuf },
    #[error("cannot seal a key: the system gave no randomness")]
    Random,
}

/// Writes a new file with mode 0600, on disk when this returns.
pub fn save_key(path: &Path, key: &SigningKey, passphrase: Option<&Passphrase>) -> Result<(), KeyFileError> {
    let content = match passphrase {
        Some(passphrase) => seal(key, passphrase).ok_or(KeyFileError::Random)?,
        None => plain(key),
    };
    let failed = |source| KeyFileError::Write { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(content.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    // The name must be on disk as well, or the log starts with a new key after a power cut.
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed)
}

pub fn load_key(path: &Path, passphrase: Option<&Passphrase>) -> Result<SigningKey, KeyFileError> {
    let failed = |source| KeyFileError::Read { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: path.to_owned() });
        }
    }
    let mut content = Zeroizing::new(String::new());
    file.take(MAX_FILE).read_to_string(&mut content).map_err(failed)?;
    let content = content.strip_suffix('\n').unwrap_or(&content);
    let form = || KeyFileError::Form { path: path.to_owned() };
    if content.starts_with(PLAIN) {
        return read_plain(content).ok_or_else(form);
    }
    let sealed = Sealed::parse(content).ok_or_else(form)?;
    let Some(passphrase) = passphrase else { return Err(KeyFileError::Sealed { path: path.to_owned() }) };
    sealed.open(passphrase).ok_or_else(|| KeyFileError::Locked { path: path.to_owned() })
}

fn plain(key: &SigningKey) -> Zeroizing<String> {
    let bytes = Zeroizing::new([&[key.kind() as u8], key.seed().as_slice()].concat());
    let secret = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
    // `NAME+ID+KEY` becomes `PRIVATE+KEY+NAME+ID+SECRET`. The key is base64, which may hold a plus
    // sign itself; name and id may not.
    let public = key.verifier().to_string();
    let known = public.splitn(3, '+').take(2).collect::<Vec<_>>().join("+");
    Zeroizing::new(format!("{PLAIN}{known}+{}\n", *secret))
}

fn read_plain(line: &str) -> Option<SigningKey> {
    let mut parts = line.strip_prefix(PLAIN)?.splitn(3, '+');
    let (name, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = Zeroizing::new(STANDARD.decode(secret).ok()?);
    let (kind, seed) = bytes.split_first()?;
    let key = SigningKey::from_seed(name, kind_of(*kind)?, seed.try_into().ok()?).ok()?;
    key.verifier().to_string().starts_with(&format!("{name}+{id}+")).then_some(key)
}

fn kind_of(byte: u8) -> Option<KeyKind> {
    [KeyKind::Log, KeyKind::Witness].into_iter().find(|kind| *kind as u8 == byte)
}

/// The parts of a sealed file.
struct Sealed<'f> {
    /// The lines that are authenticated, not hidden.
    head: String,
    public: VerifierKey,
    rounds: NonZeroU32,
    salt: Vec<u8>,
    nonce: [u8; 12],
    secret: &'f str,
}

impl<'f> Sealed<'f> {
    fn parse(content: &'f str) -> Option<Self> {
        let (head, secret) = content.rsplit_once('\n')?;
        let mut lines = head.split('\n');
        let known = lines.next()? == SEALED;
        let public = VerifierKey::parse(lines.next()?).ok()?;
        let mut words = lines.next()?.split(' ');
        let known = known && words.next()? == KDF;
        let rounds = words.next()?.parse().ok().filter(|n| *n <= MAX_ROUNDS).and_then(NonZeroU32::new)?;
        let salt = STANDARD.decode(words.next()?).ok()?;
        let nonce = STANDARD.decode(words.next()?).ok()?.try_into().ok()?;
        let whole = words.next().is_none() && lines.next().is_none();
        (known && whole).then(|| Sealed { head: head.to_owned(), public, rounds, salt, nonce, secret })
    }

    fn open(&self, passphrase: &Passphrase) -> Option<SigningKey> {
        let key = derive(passphrase, self.rounds, &self.salt)?;
        let mut bytes = Zeroizing::new(STANDARD.decode(self.secret).ok()?);
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let seed = key.open_in_place(nonce, Aad::from(self.head.as_bytes()), &mut bytes).ok()?;
        let seed: &[u8] = seed;
        let key =
            SigningKey::from_seed(self.public.name(), self.public.kind(), seed.try_into().ok()?).ok()?;
        (*key.verifier() == self.public).then_some(key)
    }
}

fn seal(key: &SigningKey, passphrase: &Passphrase) -> Option<Zeroizing<String>> {
    let (mut salt, mut nonce) = ([0; 16], [0; 12]);
    getrandom::fill(&mut salt).ok()?;
    getrandom::fill(&mut nonce).ok()?;
    let how = format!("{KDF} {ROUNDS} {} {}", STANDARD.encode(salt), STANDARD.encode(nonce));
    let head = format!("{SEALED}\n{}\n{how}", key.verifier());
    let mut bytes = key.seed().to_vec();
    let sealing = derive(passphrase, ROUNDS, &salt)?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    sealing.seal_in_place_append_tag(nonce, Aad::from(head.as_bytes()), &mut bytes).ok()?;
    Some(Zeroizing::new(format!("{head}\n{}\n", STANDARD.encode(&bytes))))
}

fn derive(passphrase: &Passphrase, rounds: NonZeroU32, salt: &[u8]) -> Option<LessSafeKey> {
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, &passphrase.0, key.as_mut_slice());
    Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_slice()).ok()?))
}
