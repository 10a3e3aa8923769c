//! Scalars for TensorBoard: an event file of framed protobuf records.
//!
//! A record is the length (u64, little-endian), the masked CRC-32C of the length, the bytes, and
//! the masked CRC-32C of the bytes. The messages are the few fields of TensorFlow's `Event` that
//! scalars need.

use crate::append::AppendFile;
use prost::Message;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    /// Set in the first record only.
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Scalars>,
}

#[derive(Clone, PartialEq, Message)]
struct Scalars {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Scalar>,
}

#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, tag = "2")]
    value: f32,
}

/// An event file, open for appending.
#[derive(Debug)]
pub struct EventFile {
    file: AppendFile,
}

impl EventFile {
    /// A new event file in `folder`; readers put it behind those of before.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(folder: &Path) -> io::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let path = (0..u32::MAX)
            .map(|n| format!("events.out.tfevents.{:010}.proteus.{n}", now.as_secs()))
            .map(|name| folder.join(name))
            .find(|path| !path.exists());
        let path = path.ok_or(io::ErrorKind::AlreadyExists)?;
        let mut events = Self { file: AppendFile::open(&path, 0)? };
        events.append(&Event {
            wall_time: now.as_secs_f64(),
            step: 0,
            file_version: Some("brain.Event:2".to_owned()),
            summary: None,
        })?;
        Ok(events)
    }

    /// Adds named numbers at `step`; those that are not finite are left out.
    ///
    /// # Errors
    /// What the system says.
    pub fn add<'a>(
        &mut self,
        step: u64,
        scalars: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let values = scalars
            .into_iter()
            .filter(|(_, value)| value.is_finite())
            .map(|(tag, value)| Scalar { tag: tag.to_owned(), value: narrow(value) })
            .collect();
        self.append(&Event {
            wall_time: now.as_secs_f64(),
            step: i64::try_from(step).unwrap_or(i64::MAX),
            file_version: None,
            summary: Some(Scalars { values }),
        })
    }

    fn append(&mut self, event: &Event) -> io::Result<()> {
        // In one write, so that a reader never sees half a record.
        self.file.append(&frame(&event.encode_to_vec()))
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the format holds f32")]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn frame(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(bytes.len() + 16);
    record.extend_from_slice(&length);
    record.extend_from_slice(&masked_crc(&length).to_le_bytes());
    record.extend_from_slice(bytes);
    record.extend_from_slice(&masked_crc(bytes).to_le_bytes());
    record
}

/// The checksum of the format: rotated and shifted, so that data which holds checksums is safe.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap());
            let length = usize::try_from(length).unwrap();
            let crc = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            assert_eq!(crc(8), masked_crc(&bytes[..8]));
            let body = &bytes[12..12 + length];
            assert_eq!(crc(12 + length), masked_crc(body));
            events.push(Event::decode(body).unwrap());
            bytes = &bytes[16 + length..];
        }
        events
    }

    #[test]
    fn what_is_written_can_be_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = EventFile::create(folder.path()).unwrap();
        let scalars = [("return/test", -1.5), ("loss/q", 2.0), ("bad", f64::NAN)];
        events.add(1000, scalars).unwrap();
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap();
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        assert!(name.starts_with("events.out.tfevents."), "{name}");
        let read = read(&std::fs::read(file.path()).unwrap());
        assert_eq!(read[0].file_version.as_deref(), Some("brain.Event:2"));
        assert_eq!(read[1].step, 1000);
        let values = &read[1].summary.as_ref().unwrap().values;
        let pairs: Vec<(&str, f32)> = values.iter().map(|v| (v.tag.as_str(), v.value)).collect();
        assert_eq!(pairs, [("return/test", -1.5), ("loss/q", 2.0)]);
    }

    #[test]
    fn checksums_are_those_of_the_format() {
        // CRC-32C of "123456789" is 0xE3069283 (RFC 3720, B.4 polynomial); then the mask.
        let expected = 0xE306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8);
        assert_eq!(masked_crc(b"123456789"), expected);
    }
}
