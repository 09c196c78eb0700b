//! What can be said of a bundle only after all of it was read.

use super::bundle::Reading;
use super::chain::Chain;
use super::report::{Fault, FaultCode};
use crate::bundle::manifest_note;

impl Reading<'_> {
    /// Everything was read. First what concerns records, then what stands around them.
    pub(super) fn totals(&mut self) -> Result<(), Fault> {
        let (Some(chain), Some(manifest)) = (&mut self.chain, &self.manifest) else {
            return Err(Fault::new(FaultCode::Archive, None, "the bundle has no content"));
        };
        chain.finish()?;
        let (size, vouched) = (chain.next(), chain.vouched());
        let largest = self.heads.last_key_value().map(|(size, _)| *size).unwrap_or_default();
        if size <= manifest.last.sequence || size < largest {
            return Err(Fault::new(FaultCode::Sequence, Some(size), "records are missing at the end"));
        }
        if vouched != size {
            return Err(Fault::new(
                FaultCode::Checkpoint,
                Some(vouched),
                "no signed head covers the last records",
            ));
        }
        if self.heads.first_key_value().is_some_and(|(size, _)| *size <= manifest.first.sequence) {
            return Err(Fault::new(FaultCode::Checkpoint, None, "a head is of a size before the range"));
        }
        self.proofs()?;
        self.contents()?;
        let report = self.report();
        if self.trust.keys.is_empty() && !self.trust.as_stated {
            let detail = "nobody said which key to trust: give the key that the operator publishes";
            return Err(Fault::new(FaultCode::Untrusted, None, detail));
        }
        if self.trust.policy.needed() > 0 && report.cosigned != Some(size) {
            return Err(Fault::new(
                FaultCode::Quorum,
                None,
                "fewer witnesses cosigned the last head than you want",
            ));
        }
        Ok(())
    }

    /// The proofs for other tools say the same as the records.
    fn proofs(&self) -> Result<(), Fault> {
        let (Some(chain), Some(manifest)) = (&self.chain, &self.manifest) else { return Ok(()) };
        let leaves = [self.seen.first.map(|(_, leaf)| leaf), chain.last_leaf()];
        let ends = [(manifest.first, &manifest.shard), (manifest.last, chain.shard_start())];
        for ((proof, leaf), (end, shard)) in self.proofs.iter().zip(leaves).zip(ends) {
            let origin = format!("{}/{}", manifest.log, shard.name);
            let holds = proof.as_ref().zip(leaf).is_some_and(|(proof, leaf)| {
                let known = self.heads.values().any(|head| head.as_ref() == Some(&proof.checkpoint));
                let of_shard = proof.check(&leaf).is_ok_and(|head| head.origin == origin);
                known && of_shard && shard.first.checked_add(proof.index) == Some(end.sequence)
            });
            if !holds {
                return Err(Fault::new(
                    FaultCode::Proof,
                    Some(end.sequence),
                    "the proof of an end does not hold",
                ));
            }
        }
        Ok(())
    }

    /// The table of contents says what there is, and the log signed it.
    fn contents(&self) -> Result<(), Fault> {
        let odd = |detail| Err(Fault::new(FaultCode::Manifest, None, detail));
        let Some(manifest) = &self.manifest else { return odd("it is missing") };
        let times = (manifest.first.time, manifest.last.time);
        if self.seen.first.map(|(time, _)| (time, self.seen.last)) != Some(times)
            || self.seen.kinds != manifest.kinds
            || self.chain.as_ref().map(Chain::next) != manifest.last.sequence.checked_add(1)
        {
            return odd("it says something else than the records");
        }
        if self.files != manifest.files {
            return odd("a member is not the one that it lists");
        }
        let text = manifest_note(&manifest.log, &self.manifest_bytes);
        let Some(note) = self.manifest_note.as_ref().filter(|note| note.text() == text) else {
            return odd("its note is about something else");
        };
        let mut signed = false;
        for key in &self.known {
            match note.signed_by(key) {
                Ok(found) => signed |= found.is_some(),
                Err(_) => return odd("its signature does not hold"),
            }
        }
        if signed { Ok(()) } else { odd("it is not signed by a key that you trust") }
    }
}
