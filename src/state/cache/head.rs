//! What changed since all files were written into the table, and what is known of all of them together: one small file,
//! which names the table that it belongs to.

use super::MOST_CHANGES;
use super::record::{self, Remembered};
use super::table::{self, Input};
use crate::disk::{self, read, write};
use crate::model::Sha256;
use crate::state::State;
use std::collections::BTreeMap;

/// The first bytes of the file; another form, another number.
const HEADER: &[u8] = b"tuffet digests 2\n";

/// What stands in the file.
pub(super) struct Head {
    /// The table; empty where there is none.
    pub(super) base: Vec<u8>,
    pub(super) is_whole: bool,
    pub(super) settled: Option<Sha256>,
    pub(super) changes: BTreeMap<Vec<u8>, Option<Remembered>>,
}

/// Reads the file; `None` if there is none, or it is damaged.
pub(super) fn load(state: &State) -> Option<Head> {
    let bytes = read::bytes_if_there(&state.digests_head()).ok().flatten()?;
    let mut input = Input(bytes.strip_prefix(HEADER)?);
    if input.u32()? != crc32fast::hash(input.0) {
        return None;
    }
    let length = usize::try_from(input.number()?).ok()?;
    let base = input.take(length)?.to_vec();
    let is_whole = input.number()? == 1;
    let settled = match input.number()? {
        0 => None,
        _ => Some(Sha256::from_bytes(input.take(32)?.try_into().ok()?)),
    };
    let mut changes = BTreeMap::new();
    let mut key = Vec::new();
    while !input.0.is_empty() {
        let value = input.record(&mut key)?;
        let changed = if value.is_empty() { None } else { Some(record::read(&record::path(&key), value)?) };
        changes.insert(key.clone(), changed);
        // More of them are written into the table.
        if changes.len() > MOST_CHANGES {
            return None;
        }
    }
    Some(Head { base, is_whole, settled, changes })
}

/// Writes the file.
pub(super) fn save(
    state: &State,
    base: &[u8],
    is_whole: bool,
    settled: Option<Sha256>,
    changes: &BTreeMap<Vec<u8>, Option<Remembered>>,
) -> Result<(), disk::Error> {
    let mut out = [HEADER, &[0; 4]].concat();
    table::number(&mut out, base.len() as u64);
    out.extend_from_slice(base);
    table::number(&mut out, u64::from(is_whole));
    table::number(&mut out, u64::from(settled.is_some()));
    out.extend(settled.iter().flat_map(Sha256::as_bytes));
    let (mut last, mut value) = (&[][..], Vec::new());
    for (key, changed) in changes {
        value.clear();
        if let Some(remembered) = changed {
            record::write(&mut value, &record::path(key), remembered);
        }
        table::record(&mut out, last, key, &value);
        last = key;
    }
    let sum = crc32fast::hash(&out[HEADER.len() + 4..]);
    out[HEADER.len()..HEADER.len() + 4].copy_from_slice(&sum.to_le_bytes());
    write::write_atomic(&state.digests_head(), &out)
}
