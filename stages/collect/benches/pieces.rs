//! Bytes per second from a page-cached file to pieces: `cargo bench -p shieldwall-collect`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench reads only what it wrote itself")]

use std::io::Write;
use std::path::PathBuf;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use shieldwall_collect::pieces::Hashing;
use shieldwall_collect::{Buffer, Cut, Limits, Pieces, walk};

fn main() {
    divan::main();
}

const LOG_BYTES: usize = 256 * 1024 * 1024;

/// Lines that compress about as logs do.
fn log() -> Vec<u8> {
    let (mut out, mut state) = (Vec::with_capacity(LOG_BYTES + 200), 1u64);
    while out.len() < LOG_BYTES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (user, port) = (state >> 40 & 0xfff, state >> 52);
        writeln!(
            out,
            "Jan  2 03:04:05 host sshd[4711]: Accepted publickey for user{user} from 192.0.2.1 port {port} ssh2"
        )
        .unwrap();
    }
    out
}

fn run(bencher: Bencher<'_, '_>, path: PathBuf, cut: Cut, hashing: Hashing) {
    let (inputs, _) = walk(&[path], &Limits::default());
    let mut buffer = Buffer::new();
    bencher.counter(BytesCount::new(LOG_BYTES)).bench_local(|| {
        let source = inputs[0].sources(&Limits::default()).next().unwrap().unwrap();
        let mut pieces = Pieces::new(source, cut, hashing);
        while pieces.next(&mut buffer) {
            black_box(buffer.chunk());
        }
        pieces.finish().bytes
    });
}

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[divan::bench(args = [Hashing::Off, Hashing::Sha256], sample_count = 5, sample_size = 1)]
fn plain_lines(bencher: Bencher<'_, '_>, hashing: Hashing) {
    let file = file(&log());
    run(bencher, file.path().into(), Cut::Lines, hashing);
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn plain_blocks(bencher: Bencher<'_, '_>) {
    let file = file(&log());
    run(bencher, file.path().into(), Cut::Blocks { header: 4096, size: 65_536 }, Hashing::Off);
}

#[divan::bench(args = ["gz", "zst", "xz", "bz2"], sample_count = 2, sample_size = 1)]
fn packed_lines(bencher: Bencher<'_, '_>, codec: &str) {
    let log = log();
    let packed = match codec {
        "gz" => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            writer.write_all(&log).unwrap();
            writer.finish().unwrap()
        }
        "zst" => ruzstd::encoding::compress_to_vec(&log[..], ruzstd::encoding::CompressionLevel::Fastest),
        "xz" => {
            let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
            writer.write_all(&log).unwrap();
            writer.finish().unwrap()
        }
        _ => {
            let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            writer.write_all(&log).unwrap();
            writer.finish().unwrap()
        }
    };
    let file = file(&packed);
    run(bencher, file.path().into(), Cut::Lines, Hashing::Off);
}
