//! How second models answer.

use super::Rows;
use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;

pub fn list(office: &Office, _: &Call) -> Result<Reply, Fault> {
    Reply::of(&Rows { items: office.shadows.standings(), next: None })
}

pub fn comparisons(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let mut items = office.shadows.comparisons();
    items.truncate(usize::from(call.limit()?.rows()));
    Reply::of(&Rows { items, next: None })
}
