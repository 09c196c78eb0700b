//! Notes, keys and key files.

use super::*;

/// A note that the authors of the format publish with its key.
const KNOWN_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const KNOWN_NOTE: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your \
problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn key(kind: KeyKind, seed: u8) -> SigningKey {
    SigningKey::from_seed("example.org/a", kind, [seed; 32]).unwrap()
}

#[test]
fn a_note_of_others_is_read_and_its_signature_holds() {
    let note = SignedNote::parse(KNOWN_NOTE).unwrap();
    let key = VerifierKey::parse(KNOWN_KEY).unwrap();
    assert_eq!(note.to_string(), KNOWN_NOTE);
    assert_eq!(key.to_string(), KNOWN_KEY);
    assert_eq!(note.signed_by(&key), Ok(Some(0)));
    let changed = SignedNote::parse(&KNOWN_NOTE.replace("don't", "do")).unwrap();
    assert_eq!(changed.signed_by(&key), Err(NoteError::Forged));
}

#[test]
fn keys_have_one_text_each() {
    for text in [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        "PeterNeumann+c74f20a3+AhpcQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWAA==",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ] {
        assert!(VerifierKey::parse(text).is_err(), "`{text}`");
    }
    for name in ["", "a b", "a+b", "a\n", "\u{a0}", "a\u{2003}b", "\u{7f}"] {
        assert_eq!(
            SigningKey::from_seed(name, KeyKind::Log, [1; 32]).unwrap_err(),
            KeyError::Name,
            "{name:?}"
        );
    }
}

#[test]
fn notes_have_one_text_each() {
    let line = KNOWN_NOTE.lines().last().unwrap();
    for text in [
        "",
        "\n\n",
        "text\n",
        "text\n\n",
        "text\n\nsigned\n",
        &format!("\n\n{line}\n"),
        &format!("text\n{line}\n"),
        &format!("text\n\n{line}"),
        &format!("text\r\n\n{line}\n"),
        &format!("text\n\n{line}\n\n"),
        &format!("text\n\n{line}\n \n"),
        &format!("text\n\n{}\n", line.replacen('—', "-", 1)),
        &format!("text\n\n{}\n", line.replacen(' ', "  ", 1)),
        &format!("text\n\n{}\n", line.replacen("PeterNeumann", "Peter+Neumann", 1)),
        &format!("text\n\n{}\n", line.trim_end_matches('=')),
        "text\n\n— a AAAA\n",
        &format!("text\n\n{}", format!("{line}\n").repeat(MAX_SIGNATURES + 1)),
        &"x".repeat(MAX_NOTE_BYTES + 1),
    ] {
        assert!(SignedNote::parse(text).is_err(), "{text:?}");
    }
    // Blank lines of the text are its own.
    let text = "one\n\ntwo\n";
    let note = SignedNote::sign(text, &key(KeyKind::Log, 1)).unwrap();
    assert_eq!(SignedNote::parse(&note.to_string()).unwrap().text(), text);
    for text in ["", "\n", "text", "a\tb\n"] {
        assert_eq!(SignedNote::sign(text, &key(KeyKind::Log, 1)), Err(NoteError::Form));
    }
}

#[test]
fn a_cosignature_covers_its_time_and_is_no_logs_signature() {
    let (log, witness) = (key(KeyKind::Log, 1), key(KeyKind::Witness, 1));
    let mut note = SignedNote::sign("example.org/a\n1\nroot\n", &log).unwrap();
    note.add(witness.cosign(note.text(), 1_790_000_000));
    let read = SignedNote::parse(&note.to_string()).unwrap();
    assert_eq!(read.signed_by(log.verifier()), Ok(Some(0)));
    assert_eq!(read.signed_by(witness.verifier()), Ok(Some(1_790_000_000)));
    assert_eq!(read.signed_by(key(KeyKind::Witness, 2).verifier()), Ok(None));
    let mut later = read.clone();
    later.signatures[1].bytes[7] ^= 1;
    assert_eq!(later.signed_by(witness.verifier()), Err(NoteError::Forged));
    let mut beyond = SignedNote::sign("text\n", &log).unwrap();
    beyond.add(witness.cosign("text\n", u64::MAX));
    assert_eq!(beyond.signed_by(witness.verifier()), Err(NoteError::Forged));
}

#[test]
fn a_change_of_key_is_signed_by_both_for_this_log() {
    let (old, new) = (key(KeyKind::Log, 1), key(KeyKind::Log, 2));
    let part = rotate("example.org/a", &old, &new).unwrap();
    let (from, to) = check_rotation("example.org/a", &part).unwrap();
    assert_eq!((&from, &to), (old.verifier(), new.verifier()));
    assert!(check_rotation("example.org/b", &part).is_err());
    for change in [
        |part: &mut crate::KeyPart| part.old_signature.clone_from(&part.new_signature),
        |part: &mut crate::KeyPart| part.new_signature.clone_from(&part.old_signature),
        |part: &mut crate::KeyPart| std::mem::swap(&mut part.old, &mut part.new),
        |part: &mut crate::KeyPart| part.new.clone_from(&part.old),
        |part: &mut crate::KeyPart| part.new_signature.clear(),
    ] {
        let mut changed = part.clone();
        change(&mut changed);
        assert!(check_rotation("example.org/a", &changed).is_err());
    }
    assert_eq!(rotate("example.org/a", &old, &old), Err(RotationError::Names));
    assert_eq!(rotate("example.org/a", &old, &key(KeyKind::Witness, 2)), Err(RotationError::Names));
}

#[test]
fn a_key_file_is_its_owners_and_opens_with_its_passphrase() {
    let dir = tempfile::tempdir().unwrap();
    let phrase = Passphrase::new("correct horse");
    for kind in [KeyKind::Log, KeyKind::Witness] {
        let saved = key(kind, 5);
        let (plain, sealed) =
            (dir.path().join(format!("{kind:?}")), dir.path().join(format!("{kind:?}.sealed")));
        save_key(&plain, &saved, None).unwrap();
        save_key(&sealed, &saved, Some(&phrase)).unwrap();
        assert_eq!(load_key(&plain, None).unwrap().verifier(), saved.verifier());
        assert_eq!(load_key(&sealed, Some(&phrase)).unwrap().verifier(), saved.verifier());
        assert!(matches!(save_key(&plain, &saved, None), Err(KeyFileError::Write { .. })));
        assert!(matches!(load_key(&sealed, None), Err(KeyFileError::Sealed { .. })));
        let wrong = Passphrase::new("correct horse ");
        assert!(matches!(load_key(&sealed, Some(&wrong)), Err(KeyFileError::Locked { .. })));
        let text = std::fs::read_to_string(&sealed).unwrap();
        assert!(!text.contains("PRIVATE"));
    }
}

#[test]
fn a_changed_or_exposed_key_file_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    save_key(&path, &key(KeyKind::Log, 5), Some(&Passphrase::new("x"))).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let other = key(KeyKind::Log, 6).verifier().to_string();
    let lines: Vec<&str> = text.lines().collect();
    for changed in [
        text.replacen(lines[1], &other, 1),
        text.replacen("600000", "600001", 1),
        text.replacen("600000", "4000000000", 1),
        text.replacen("pbkdf2", "scrypt", 1),
        format!("{}\n{}\n", lines[0], lines[1]),
        String::new(),
    ] {
        std::fs::write(&path, changed).unwrap();
        assert!(load_key(&path, Some(&Passphrase::new("x"))).is_err());
    }
    std::fs::write(&path, &text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(load_key(&path, Some(&Passphrase::new("x"))), Err(KeyFileError::Exposed { .. })));
}

#[test]
fn no_secret_is_printed() {
    let key = key(KeyKind::Log, 5);
    assert_eq!(format!("{key:?}"), format!("SigningKey(for {})", key.verifier()));
}

#[test]
fn every_key_comes_back_from_its_file_whatever_its_public_part_looks_like() {
    let folder = tempfile::tempdir().unwrap();
    let mut with_plus = 0;
    for number in 0..200u8 {
        let key = SigningKey::from_seed("example.org/log", KeyKind::Log, [number; 32]).unwrap();
        with_plus += usize::from(key.verifier().to_string().matches('+').count() > 2);
        let path = folder.path().join(number.to_string());
        save_key(&path, &key, None).unwrap();
        assert_eq!(load_key(&path, None).unwrap().verifier(), key.verifier(), "seed {number}");
    }
    assert!(with_plus > 0, "none of the keys had a plus sign in its base64");
}
