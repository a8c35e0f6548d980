//! The bytes of a log and of a checkpoint. Both are text that people can read, with checksums.
//!
//! ```text
//! log         squall-log 1 base=-2                 b5c1d3a2e4f60718     head: padded to a fixed length
//!             synced=00000000000000000171 04f1b3cd9a2e7788              two slots, written in turn
//!             synced=00000000000000000000 9a0d3c55e1b2f467
//!             0000004a 81d2c4e5f6a7b8c9 3f2e1d0c {"append":{"seq":1,...}}   frames: length, checksum, check of the two
//! checkpoint  squall-checkpoint 1 000000f3 5a4b3c2d1e0f9a8b {"checkpoint":{...},...}
//! ```
//!
//! Checksums are xxh3 and begin with the place, so that bytes of another place do not pass.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::model::{Key, Numbered};
use crate::record::Checkpoint;

const LOG_MAGIC: &str = "squall-log 1 base=";
const CHECKPOINT_MAGIC: &str = "squall-checkpoint 1 ";
/// The head's padded text, its checksum and the end of the line.
const HEAD_TEXT: usize = 48;
const HEAD_BYTES: usize = HEAD_TEXT + 17;
const SLOT_BYTES: usize = "synced=".len() + 20 + 18;
/// Where the frames of a log begin.
pub(super) const FRAMES: u64 = (HEAD_BYTES + 2 * SLOT_BYTES) as u64;
/// Before the JSON of a frame: length, checksum, check of both.
const FRAME_HEAD: usize = 8 + 1 + 16 + 1 + 8 + 1;
/// What disks write in one piece.
const SECTOR: usize = 512;
/// No entry is longer. The length has eight digits.
pub(super) const ENTRY_BYTES_MAX: usize = 1 << 30;

/// What a log has, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Entry {
    Append(Numbered),
    Dispatched(Vec<String>),
    /// There is a checkpoint of this step: it must be there when the log is read again.
    Checkpointed(i64),
    /// The first checkpoint, in stores with history.
    Baseline(Checkpoint),
}

/// What is in the file of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckpointFile {
    pub(super) checkpoint: Checkpoint,
    /// The highest step of the records that it replaced.
    pub(super) replaced: Option<i64>,
    /// Of the last ones of these records.
    pub(super) keys: Vec<Key>,
    pub(super) dispatched: Vec<String>,
}

/// What is wrong with a file, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) offset: u64,
    pub(super) reason: String,
}

impl Damage {
    fn new(offset: u64, reason: impl Into<String>) -> Self {
        Damage {
            offset,
            reason: reason.into(),
        }
    }
}

/// A log that was read.
#[derive(Debug)]
pub(super) struct Log {
    /// The step of the checkpoint that the log needs: there are no records up to it.
    pub(super) base: i64,
    pub(super) entries: Vec<Entry>,
    /// Whether it ends where it was last known to be synced. Else its end may be torn, or may not last.
    pub(super) is_settled: bool,
}

/// The JSON of an entry.
pub(super) fn json(entry: &Entry) -> Vec<u8> {
    // An entry is JSON always.
    serde_json::to_vec(entry).unwrap_or_default()
}

/// The beginning of a log: `base` is a step, and `synced` the log's length.
pub(super) fn head(base: i64, synced: u64) -> Vec<u8> {
    let text = format!("{:<HEAD_TEXT$}", format!("{LOG_MAGIC}{base}"));
    let mut bytes = format!("{text}{:016x}\n", xxh3_64(text.as_bytes())).into_bytes();
    bytes.extend(slot(0, synced).1);
    bytes.extend(slot(1, 0).1);
    bytes
}

/// A slot that says how long the log is that was synced, with its place. There are two, so that one is always whole.
pub(super) fn slot(number: usize, synced: u64) -> (u64, Vec<u8>) {
    let text = format!("synced={synced:020}");
    let check = xxh3_64_with_seed(text.as_bytes(), number as u64 + 1);
    let place = HEAD_BYTES + number * SLOT_BYTES;
    (place as u64, format!("{text} {check:016x}\n").into_bytes())
}

/// Adds an entry to bytes that begin at `start` in the log.
pub(super) fn frame(bytes: &mut Vec<u8>, start: u64, json: &[u8]) {
    let offset = start + bytes.len() as u64;
    let sums = format!("{:08x} {:016x}", json.len(), xxh3_64_with_seed(json, offset));
    let check = xxh3_64_with_seed(sums.as_bytes(), offset) as u32;
    bytes.extend(format!("{sums} {check:08x} ").into_bytes());
    bytes.extend(json);
    bytes.push(b'\n');
}

/// Reads a log. A torn end is left out; all else that is not as it was written is damage.
///
/// What was synced must be whole. Behind that, a write that a crash cut off is short, or has sectors that were never
/// written, which are zeros; no entry has a zero. Anything else is no torn write.
pub(super) fn read_log(bytes: &[u8]) -> Result<Log, Damage> {
    let base = read_head(bytes)?;
    let synced = (0..2).filter_map(|number| read_slot(bytes, number)).max();
    let synced = synced.ok_or_else(|| Damage::new(HEAD_BYTES as u64, "neither slot is whole"))?;
    if synced > bytes.len() as u64 {
        let reason = format!("{synced} bytes were synced, and {} are there", bytes.len());
        return Err(Damage::new(bytes.len() as u64, reason));
    }
    let mut entries = Vec::new();
    let mut offset = FRAMES as usize;
    while offset < bytes.len() {
        match read_frame(bytes, offset) {
            Ok((entry, end)) => {
                entries.push(entry);
                offset = end;
            }
            Err(broken) if offset as u64 >= synced && broken.is_torn => break,
            Err(broken) => return Err(Damage::new(offset as u64, broken.reason)),
        }
    }
    Ok(Log {
        base,
        entries,
        is_settled: synced == bytes.len() as u64,
    })
}

fn read_head(bytes: &[u8]) -> Result<i64, Damage> {
    let damage = |reason| Damage::new(0, reason);
    let head = bytes
        .get(..HEAD_BYTES)
        .ok_or_else(|| damage("the head is not whole"))?;
    let (text, check) = head.split_at(HEAD_TEXT);
    if check != format!("{:016x}\n", xxh3_64(text)).as_bytes() {
        return Err(damage("the head has another checksum"));
    }
    let text = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.strip_prefix(LOG_MAGIC));
    let base = text.and_then(|text| text.trim_end().parse().ok());
    base.ok_or_else(|| damage("this is no log of this version"))
}

fn read_slot(bytes: &[u8], number: usize) -> Option<u64> {
    let place = HEAD_BYTES + number * SLOT_BYTES;
    let found = bytes.get(place..place + SLOT_BYTES)?;
    let synced = std::str::from_utf8(found.get("synced=".len()..)?.get(..20)?)
        .ok()?
        .parse()
        .ok()?;
    (found == slot(number, synced).1).then_some(synced)
}

struct Broken {
    /// Whether a crash in the middle of a write leaves this.
    is_torn: bool,
    reason: String,
}

fn read_frame(bytes: &[u8], offset: usize) -> Result<(Entry, usize), Broken> {
    let torn = |is_torn, reason: &str| Broken {
        is_torn,
        reason: reason.to_owned(),
    };
    let rest = &bytes[offset..];
    let Some(head) = rest.get(..FRAME_HEAD) else {
        return Err(torn(true, "an entry ends in its head"));
    };
    let broken_head = || {
        torn(
            has_hole(bytes, offset, offset + FRAME_HEAD),
            "the head of an entry has another checksum",
        )
    };
    let head_text = std::str::from_utf8(head).map_err(|_| broken_head())?;
    let (sums, check) = head_text.split_at(FRAME_HEAD - 10);
    let expected = xxh3_64_with_seed(sums.as_bytes(), offset as u64) as u32;
    if check != format!(" {expected:08x} ") {
        return Err(broken_head());
    }
    let length = usize::from_str_radix(&sums[..8], 16).map_err(|_| broken_head())?;
    let Some(body) = rest.get(FRAME_HEAD..FRAME_HEAD + length + 1) else {
        return Err(torn(true, "an entry is cut off"));
    };
    let (json, end) = body.split_at(length);
    let sum = format!("{:016x}", xxh3_64_with_seed(json, offset as u64));
    let next = offset + FRAME_HEAD + length + 1;
    if sums[9..] != sum || end != b"\n" {
        let is_torn = has_hole(bytes, offset, next);
        return Err(torn(is_torn, "an entry has another checksum"));
    }
    let entry =
        serde_json::from_slice(json).map_err(|error| torn(false, &format!("an unknown entry: {error}")))?;
    Ok((entry, next))
}

/// Whether a frame has sectors that were never written: zeros from the frame's start, or a sector's, to the end of a
/// sector or of the file. A single changed byte is no such hole.
fn has_hole(bytes: &[u8], start: usize, end: usize) -> bool {
    let mut at = start;
    while at < end {
        if bytes[at] != 0 {
            at += 1;
            continue;
        }
        let from = at;
        while bytes.get(at) == Some(&0) {
            at += 1;
        }
        let begins = from == start || from.is_multiple_of(SECTOR);
        // The zeros may go on where there are sectors behind them that were written.
        let sector_end = from - from % SECTOR + SECTOR;
        if begins && (at >= sector_end || at == bytes.len()) {
            return true;
        }
    }
    false
}

/// The bytes of a checkpoint's file.
pub(super) fn checkpoint(file: &CheckpointFile) -> Vec<u8> {
    // It is JSON always.
    let json = serde_json::to_vec(file).unwrap_or_default();
    let mut bytes = format!("{CHECKPOINT_MAGIC}{:08x} {:016x} ", json.len(), xxh3_64(&json)).into_bytes();
    bytes.extend(json);
    bytes.push(b'\n');
    bytes
}

/// Reads the file of a checkpoint. It was renamed when it was whole: nothing in it is torn.
pub(super) fn read_checkpoint(bytes: &[u8]) -> Result<CheckpointFile, Damage> {
    let start = CHECKPOINT_MAGIC.len() + 8 + 1 + 16 + 1;
    let Some((_, json)) = bytes.split_at_checked(start) else {
        return Err(Damage::new(0, "the head is not whole"));
    };
    let json = json.strip_suffix(b"\n").unwrap_or_default();
    let head = format!("{CHECKPOINT_MAGIC}{:08x} {:016x} ", json.len(), xxh3_64(json));
    if !bytes.starts_with(head.as_bytes()) {
        return Err(Damage::new(0, "the checkpoint has another length or checksum"));
    }
    serde_json::from_slice(json).map_err(|error| Damage::new(start as u64, error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::record::Record;

    fn entry(seq: u64, event: &str) -> Entry {
        Entry::Append(Numbered {
            seq,
            key: format!("step:{}", seq - 1),
            record: Arc::new(Record::event(seq as i64 - 1, event)),
        })
    }

    /// A log of two entries, the first of which was synced.
    fn log() -> (Vec<u8>, Vec<Entry>) {
        let entries = vec![entry(1, "\"a\""), entry(2, &format!("\"{}\"", "b".repeat(600)))];
        let mut frames = Vec::new();
        frame(&mut frames, FRAMES, &json(&entries[0]));
        let synced = FRAMES + frames.len() as u64;
        frame(&mut frames, FRAMES, &json(&entries[1]));
        let mut bytes = head(-2, synced);
        assert_eq!(bytes.len() as u64, FRAMES);
        bytes.extend(frames);
        (bytes, entries)
    }

    #[test]
    fn what_was_written_is_read() {
        let (mut bytes, entries) = log();
        let read = read_log(&bytes).unwrap();
        assert_eq!((read.base, read.entries, read.is_settled), (-2, entries, false));
        let length = bytes.len() as u64;
        let (place, newer) = slot(1, length);
        bytes[place as usize..][..newer.len()].copy_from_slice(&newer);
        assert!(read_log(&bytes).unwrap().is_settled);
    }

    #[test]
    fn a_cut_behind_what_was_synced_is_torn_and_one_before_it_is_damage() {
        let (bytes, entries) = log();
        let synced = read_slot(&bytes, 0).unwrap() as usize;
        for length in 0..bytes.len() {
            match read_log(&bytes[..length]) {
                Ok(log) => {
                    assert!(length >= synced, "{length}");
                    assert_eq!(log.entries, entries[..1]);
                }
                Err(damage) => assert!(
                    length < synced && damage.offset <= length as u64,
                    "{length}: {damage:?}"
                ),
            }
        }
    }

    #[test]
    fn a_changed_byte_is_damage_or_changes_nothing() {
        let (bytes, entries) = log();
        for offset in 0..bytes.len() {
            for change in [1, 0x20, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[offset] ^= change;
                match read_log(&bytes) {
                    Ok(log) => {
                        // One of the two slots is gone, which costs nothing.
                        assert!((HEAD_BYTES as u64..FRAMES).contains(&(offset as u64)), "{offset}");
                        assert_eq!(log.entries, entries);
                    }
                    Err(damage) => assert!(damage.offset <= offset as u64, "{offset}: {damage:?}"),
                }
            }
        }
    }

    #[test]
    fn an_unwritten_page_behind_what_was_synced_is_torn() {
        let (bytes, entries) = log();
        let mut torn = bytes.clone();
        torn[512..].fill(0);
        assert_eq!(read_log(&torn).unwrap().entries, entries[..1]);
        let mut damaged = bytes;
        damaged[FRAMES as usize + 40] = 0;
        assert_eq!(read_log(&damaged).unwrap_err().offset, FRAMES);
    }

    #[test]
    fn a_frame_of_another_place_does_not_pass() {
        let (bytes, _) = log();
        let mut doubled = bytes.clone();
        doubled.extend(&bytes[FRAMES as usize..]);
        assert_eq!(read_log(&doubled).unwrap_err().offset, bytes.len() as u64);
    }

    #[test]
    fn a_checkpoint_is_whole_or_damaged() {
        let file = CheckpointFile {
            checkpoint: Checkpoint::baseline("{}"),
            replaced: Some(2),
            keys: vec![],
            dispatched: vec!["0#0#mail".to_owned()],
        };
        let bytes = checkpoint(&file);
        assert_eq!(read_checkpoint(&bytes), Ok(file));
        for length in 0..bytes.len() {
            assert!(read_checkpoint(&bytes[..length]).is_err(), "{length}");
        }
        for offset in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[offset] ^= 0x04;
            assert!(read_checkpoint(&bytes).is_err(), "{offset}");
        }
    }
}
