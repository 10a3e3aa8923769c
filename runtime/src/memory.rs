//! How much memory this process uses.

use std::io;

/// Resident memory of this process in bytes.
///
/// From `VmRSS` of `/proc/self/status`, which is in KiB whatever the page size is (`statm` counts
/// pages, whose size cannot be asked for without a system call of its own).
///
/// # Errors
/// If the file cannot be read or has no such line.
pub fn resident_bytes() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| {
        io::Error::other("/proc/self/status: expected a line `VmRSS: … kB`, got none")
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_holds_at_least_what_it_has_touched() {
        let before = super::resident_bytes().unwrap();
        let block = std::hint::black_box(vec![1u8; 16 << 20]);
        let after = super::resident_bytes().unwrap();
        assert!(after > before + (8 << 20), "{before} -> {after}");
        drop(block);
    }
}
