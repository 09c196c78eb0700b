//! What can be done to the container: the archive and its compression.

use super::super::common::Dice;
use super::super::common::archive::{GZIP_HEADER, Parts, gunzip, gzip, header, padded, sum};
use super::{Subject, Want};

type Made = (Vec<u8>, Want);

pub fn bit_in_file(subject: &Subject, dice: &mut Dice) -> Made {
    let mut bundle = subject.bundle.clone();
    // The first two bytes say that it is gzip at all.
    let at = dice.between(2, bundle.len() as u64) as usize;
    bundle[at] ^= 1 << dice.below(8);
    // Bits behind the last compressed one, up to the byte's end, mean nothing.
    let same = at >= 10 && gunzip(&bundle).is_some_and(|content| Some(content) == gunzip(&subject.bundle));
    (bundle, if same { Want::Nothing } else { Want::Around })
}

pub fn bit_in_archive(subject: &Subject, dice: &mut Dice) -> Made {
    let mut tar = subject.parts.tar();
    let form = b"checkrein.bundle/v1";
    // Another form is another program's to judge.
    let skip = tar.windows(form.len()).rposition(|window| window == form).unwrap();
    let at = loop {
        let at = dice.below(tar.len() as u64) as usize;
        if !(skip..skip + form.len()).contains(&at) {
            break at;
        }
    };
    tar[at] ^= 1 << dice.below(8);
    (gzip(&tar), Want::Found)
}

pub fn member_removed(subject: &Subject, dice: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let place = dice.below(parts.0.len() as u64) as usize;
    parts.0.remove(place);
    (parts.pack(), Want::Found)
}

pub fn member_twice(subject: &Subject, dice: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let place = dice.below(parts.0.len() as u64) as usize;
    let mut copy = parts.0[place].clone();
    if dice.below(2) == 0 {
        // Of two members of one name, some tools show the first and some the last.
        copy.1.push(b'\n');
    }
    parts.0.insert(place + dice.below(2) as usize, copy);
    (parts.pack(), Want::Found)
}

fn with_block(subject: &Subject, dice: &mut Dice, block: Vec<u8>) -> Vec<u8> {
    let mut tar = Vec::new();
    let at = dice.below(subject.parts.0.len() as u64) as usize;
    for (place, (name, content)) in subject.parts.0.iter().enumerate() {
        if place == at {
            tar.extend(&block);
        }
        tar.extend(header(name, content.len() as u64, b'0', ""));
        tar.extend(padded(content));
    }
    tar.extend([0; 1024]);
    gzip(&tar)
}

pub fn path_elsewhere(subject: &Subject, dice: &mut Dice) -> Made {
    let name = *dice.pick(&[
        "../README",
        "/etc/cron.d/x",
        "records/../../x",
        "./README",
        "records/1.jsonl",
        "checkpoints/00000000000000000001/x",
        "records/99999999999999999999.jsonl",
        "keys/\u{441}og",
        "README ",
        "readme",
    ]);
    let block = [header(name, 3, b'0', ""), padded(b"hi\n")].concat();
    (with_block(subject, dice, block), Want::Found)
}

pub fn symbolic_link(subject: &Subject, dice: &mut Dice) -> Made {
    (with_block(subject, dice, header("proofs/left", 0, b'2', "/etc/passwd")), Want::Found)
}

pub fn hard_link(subject: &Subject, dice: &mut Dice) -> Made {
    (with_block(subject, dice, header("proofs/left", 0, b'1', "README")), Want::Found)
}

pub fn extended_header(subject: &Subject, dice: &mut Dice) -> Made {
    let kind = *dice.pick(b"xgLS5");
    let block = [header("README", 17, kind, ""), padded(b"17 path=manifest\n")].concat();
    (with_block(subject, dice, block), Want::Found)
}

pub fn other_order(subject: &Subject, dice: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let place = dice.below(parts.0.len() as u64 - 1) as usize;
    parts.0.swap(place, place + 1);
    (parts.pack(), Want::Found)
}

/// Where the header of a member stands.
fn header_at(parts: &Parts, place: usize) -> usize {
    parts.0[..place].iter().map(|(_, content)| 512 + content.len().next_multiple_of(512)).sum()
}

pub fn header_with_time(subject: &Subject, dice: &mut Dice) -> Made {
    let mut tar = subject.parts.tar();
    let at = header_at(&subject.parts, dice.below(subject.parts.0.len() as u64) as usize);
    // Mode, owner, time, kind, link, version, names, device, prefix.
    let (field, text) = *dice.pick(&[
        (100, "0000755"),
        (108, "0001750"),
        (136, "14371550000"),
        (156, "\0"),
        (157, "x"),
        (263, "01"),
        (265, "root"),
        (329, "0000001"),
        (345, "etc"),
        (500, "x"),
    ]);
    tar[at + field..at + field + text.len()].copy_from_slice(text.as_bytes());
    sum(&mut tar[at..at + 512]);
    (gzip(&tar), Want::Found)
}

pub fn size_beyond(subject: &Subject, dice: &mut Dice) -> Made {
    let mut tar = subject.parts.tar();
    let place = dice.below(subject.parts.0.len() as u64) as usize;
    let at = header_at(&subject.parts, place);
    let size = subject.parts.0[place].1.len() as u64;
    let other = *dice.pick(&[size + 1, size + 512, size + (1 << 40), size.saturating_sub(1), 0]);
    let other = if other == size { size + 1 } else { other };
    let digits = if other > 0o77_777_777_777 { "77777777777".into() } else { format!("{other:011o}") };
    tar[at + 124..at + 135].copy_from_slice(digits.as_bytes());
    sum(&mut tar[at..at + 512]);
    (gzip(&tar), Want::Found)
}

pub fn padding(subject: &Subject, dice: &mut Dice) -> Made {
    let mut tar = subject.parts.tar();
    let padded: Vec<usize> = (0..subject.parts.0.len())
        .filter(|place| !subject.parts.0[*place].1.len().is_multiple_of(512))
        .collect();
    let place = *dice.pick(&padded);
    tar[header_at(&subject.parts, place) + 512 + subject.parts.0[place].1.len()] = 1;
    (gzip(&tar), Want::Found)
}

pub fn behind_archive(subject: &Subject, dice: &mut Dice) -> Made {
    let mut tar = subject.parts.tar();
    match dice.below(4) {
        0 => tar.extend([0; 512]),
        1 => tar.push(0),
        2 => tar.extend(subject.parts.tar()),
        _ => {
            let end = tar.len() - 512;
            tar[end + 7] = 7;
        }
    }
    (gzip(&tar), Want::Found)
}

pub fn archive_cut(subject: &Subject, dice: &mut Dice) -> Made {
    let mut tar = subject.parts.tar();
    tar.truncate(dice.below(tar.len() as u64) as usize);
    (gzip(&tar), Want::Found)
}

pub fn behind_file(subject: &Subject, dice: &mut Dice) -> Made {
    let rest = *dice.pick(&[b"x".as_slice(), b"\0", b"\0\0\0\0\0\0\0\0", b"\x1f\x8b"]);
    ([&subject.bundle, rest].concat(), Want::Around)
}

pub fn two_members(subject: &Subject, _: &mut Dice) -> Made {
    ([subject.bundle.as_slice(), &subject.bundle].concat(), Want::Around)
}

pub fn cut_in_two(subject: &Subject, dice: &mut Dice) -> Made {
    let tar = subject.parts.tar();
    let (start, end) = tar.split_at(dice.below(tar.len() as u64) as usize);
    ([gzip(start), gzip(end)].concat(), Want::Around)
}

pub fn gzip_name(subject: &Subject, dice: &mut Dice) -> Made {
    let body = &subject.bundle[GZIP_HEADER.len()..];
    let mut head = GZIP_HEADER.to_vec();
    match dice.below(4) {
        0 => {
            head[3] = 8;
            head.extend(b"name\0");
        }
        1 => head[4] = 1,
        2 => head[9] = 3,
        _ => head[8] = 2,
    }
    ([&head, body].concat(), Want::Around)
}

pub fn file_cut(subject: &Subject, dice: &mut Dice) -> Made {
    let end = dice.between(2, subject.bundle.len() as u64) as usize;
    (subject.bundle[..end].to_vec(), Want::Around)
}

/// Much that compresses to little, where records should be or where a note should be.
pub fn bomb(subject: &Subject, dice: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let member =
        if dice.below(2) == 0 { parts.names("records/").remove(0) } else { "manifest.note".to_owned() };
    *parts.get_mut(&member) = vec![b'a'; 24 << 20];
    (parts.pack(), Want::Found)
}

/// The same content in other compressed bytes is the same bundle.
pub fn compressed_again(subject: &Subject, _: &mut Dice) -> Made {
    (gzip(&gunzip(&subject.bundle).unwrap()), Want::Nothing)
}
