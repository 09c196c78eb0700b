//! Webhooks and witnesses.

use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;

pub fn webhooks(office: &Office, _: &Call) -> Result<Reply, Fault> {
    Reply::of(&office.outward.webhooks())
}

pub fn test_webhook(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let name = call.name("name")?;
    let attempt = office.outward.test(name.as_str()).ok_or_else(|| Fault::missing("webhook"))?;
    Reply::of(&attempt)
}

pub fn witnesses(office: &Office, _: &Call) -> Result<Reply, Fault> {
    Reply::of(&office.outward.witnesses())
}
