//! What can be done to a bundle, one row each.

mod container;
mod insider;
mod outsider;

use super::common::archive::Parts;
use super::common::{Dice, Sample};

/// A bundle that holds, whole and in parts, and the log that it came from.
pub struct Subject {
    pub sample: Sample,
    pub from: u64,
    pub bundle: Vec<u8>,
    pub parts: Parts,
}

/// What must be found.
#[derive(Debug, Clone, Copy)]
pub enum Want {
    /// Tampered, and exactly there.
    At(u64),
    /// Tampered, and the first record in doubt is within.
    Between(u64, u64),
    /// Tampered, and no record is in doubt.
    Around,
    /// Tampered; where depends on what was hit.
    Found,
    /// Nothing contradicts, and something that the reader wants is not there.
    Undecided,
    /// The change left everything as it was.
    Nothing,
}

impl Want {
    pub fn fits(self, exit: u8, first_bad: Option<u64>) -> bool {
        match self {
            Want::At(sequence) => exit == 4 && first_bad == Some(sequence),
            Want::Between(from, until) => {
                exit == 4 && first_bad.is_some_and(|bad| (from..=until).contains(&bad))
            }
            Want::Around => exit == 4 && first_bad.is_none(),
            Want::Found => exit == 4,
            Want::Undecided => exit == 5,
            Want::Nothing => exit == 0 || exit == 3,
        }
    }
}

pub type Make = fn(&Subject, &mut Dice) -> (Vec<u8>, Want);

#[rustfmt::skip]
pub const CLASSES: &[(&str, Make)] = &[
    ("a bit of a record flipped", outsider::bit_in_record),
    ("a bit of the file flipped", container::bit_in_file),
    ("a bit of the archive flipped", container::bit_in_archive),
    ("a record deleted", outsider::deleted),
    ("a record inserted", outsider::inserted),
    ("two records swapped", outsider::swapped),
    ("records cut off at the end", outsider::truncated),
    ("a record replayed", outsider::replayed),
    ("a record replayed at the end", outsider::replayed_at_end),
    ("a record moved to another place", outsider::moved),
    ("records of a shard moved to another member", outsider::moved_between_members),
    ("commitments of two records swapped", outsider::commitments_swapped),
    ("a verdict changed", outsider::verdict_changed),
    ("a link changed", outsider::link_changed),
    ("white space in a record", outsider::white_space),
    ("keys of a record in another order", outsider::key_order),
    ("a key of a record twice", outsider::key_twice),
    ("a number in another form", outsider::number_form),
    ("a letter escaped", outsider::letter_escaped),
    ("a field set to null", outsider::null_field),
    ("a field more", outsider::field_more),
    ("a value of another type", outsider::other_type),
    ("an empty line", outsider::empty_line),
    ("a last line without end", outsider::line_without_end),
    ("bytes that are no text", outsider::no_text),
    ("a deep nesting", outsider::deep_nesting),
    ("a long line", outsider::long_line),
    ("a rewritten tail under the old heads", outsider::rewritten_tail),
    ("heads signed by another key", outsider::heads_by_another_key),
    ("everything signed by another key", outsider::all_by_another_key),
    ("the key exchanged", outsider::key_exchanged),
    ("a change of key invented", outsider::rotation_invented),
    ("a head replaced by another", outsider::head_replaced),
    ("the root of a head changed", outsider::head_root),
    ("the signature of a head changed", outsider::head_signature),
    ("a head removed", outsider::head_removed),
    ("the last head removed", outsider::last_head_removed),
    ("a head added", outsider::head_added),
    ("cosignatures stripped", outsider::cosignatures_stripped),
    ("the table of contents changed", outsider::manifest_changed),
    ("the table of contents listed anew without the key", outsider::manifest_listed_again),
    ("the table of contents signed by another key", outsider::manifest_by_another_key),
    ("a proof changed", outsider::proof_changed),
    ("proofs of the two ends swapped", outsider::proofs_swapped),
    ("the left edge changed", outsider::left_edge),
    ("the program in the bundle changed", outsider::program_changed),
    ("a member removed", container::member_removed),
    ("a member twice", container::member_twice),
    ("a member with a path that leads elsewhere", container::path_elsewhere),
    ("a symbolic link", container::symbolic_link),
    ("a hard link", container::hard_link),
    ("an extended header", container::extended_header),
    ("members in another order", container::other_order),
    ("a header with time and owner", container::header_with_time),
    ("a size beyond the end", container::size_beyond),
    ("something in the padding", container::padding),
    ("something behind the archive", container::behind_archive),
    ("the archive cut off", container::archive_cut),
    ("something behind the file", container::behind_file),
    ("two gzip members", container::two_members),
    ("a gzip member cut in two", container::cut_in_two),
    ("a gzip header with a name", container::gzip_name),
    ("the file cut off", container::file_cut),
    ("a bomb", container::bomb),
    ("compressed again", container::compressed_again),
    ("insider: a record rewritten", insider::rewritten),
    ("insider: back-dated", insider::back_dated),
    ("insider: parts that do not fit the kind", insider::parts_of_another_kind),
    ("insider: a record of another log", insider::other_log),
    ("insider: a record of another version", insider::other_version),
    ("insider: a shard that does not join", insider::shard_root),
    ("insider: a change of key that is not signed", insider::rotation_unsigned),
    ("insider: cosignatures stripped", insider::cosignatures_stripped),
    ("insider: a cosignature forged", insider::cosignature_forged),
    ("insider: a table of contents that lies", insider::manifest_lies),
];
