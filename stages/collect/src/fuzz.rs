//! The fuzz entry: any bytes as a container, read within small limits.

use std::io::Read;

use crate::limits::Limits;
use crate::sources::Sources;

/// Opens `data` as an input and reads all of it, in order and at offsets. It must come back, without a panic.
#[doc(hidden)]
pub fn fuzz_container(data: &[u8]) {
    const BYTES_MAX: u64 = 1024 * 1024;
    let limits = Limits {
        unpacked_bytes_max: BYTES_MAX,
        input_bytes_max: 4 * BYTES_MAX,
        ratio_floor_bytes: BYTES_MAX / 4,
        members_max: 64,
        depth_max: 3,
        window_bytes_max: BYTES_MAX,
        spool_memory_bytes_max: 4096,
        spool_bytes_max: BYTES_MAX,
        ..Limits::default()
    };
    let mut buffer = [0; 4096];
    for source in Sources::of_bytes("fuzz", data.to_vec(), &limits) {
        let Ok(mut source) = source else { continue };
        let mut size = 0;
        while let Ok(count @ 1..) = source.read(&mut buffer) {
            size += count as u64;
        }
        let trouble = source.trouble().map(|rejection| rejection.reason);
        let plain = source.size();
        assert!(plain.is_none_or(|plain| plain >= size), "more bytes than there are");
        if source.rewind().is_ok()
            && let Ok(random) = source.random()
        {
            assert!(
                random.size() >= size,
                "fewer bytes at the second look: {} of {size} {trouble:?} {:?} {:?} {}",
                random.size(),
                source.trouble(),
                source.display(),
                plain.is_some()
            );
            assert!(plain.is_some() || source.trouble().map(|rejection| rejection.reason) == trouble);
        }
    }
}
