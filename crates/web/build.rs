//! Packs what pages load, once, and gives each file a version that its content decides.
#![expect(clippy::disallowed_methods, reason = "a build script hears through the environment")]

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed=assets");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    for entry in std::fs::read_dir("assets")? {
        pack(&entry?.path(), &out)?;
    }
    Ok(())
}

fn pack(file: &Path, out: &Path) -> std::io::Result<()> {
    let bytes = std::fs::read(file)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&bytes)?;
    std::fs::write(out.join(format!("{name}.gz")), packed.finish()?)?;
    // FNV-1a: tells one edition from another, no more.
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    println!("cargo::rustc-env=VERSION_{name}={:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff);
    Ok(())
}
