//! The key-encryption key: 32 bytes as 64 hexadecimal or 43 base64url characters, from a file, an environment variable, or a command.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use domain::entropy::Entropy;
use domain::event::hex;
use domain::secret::Secret;

use crate::output::Failure;

const EXPECTED: &str = "it must hold 32 bytes as 64 hexadecimal characters (make one with: openssl rand -hex 32)";

/// Reads the text of a key.
pub(crate) fn parse(text: &str, source: &str) -> Result<Secret, Failure> {
    let text = text.trim();
    if let Some(secret) = Secret::parse(text) {
        return Ok(secret);
    }
    let digit = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (text.len() == 64).then(|| (0..64).step_by(2).map(digit).collect()).flatten();
    match bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
        Some(bytes) => Ok(Secret::from_bytes(bytes)),
        None => Err(Failure(format!("the key-encryption key from {source} cannot be used: {EXPECTED}."))),
    }
}

/// Reads a key from a file that only its owner may read.
pub(crate) fn from_file(path: &Path) -> Result<Secret, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|e| Failure(format!("the key-encryption key file {shown} cannot be read: {e}")))?;
    let mode = std::fs::metadata(path).map(|m| m.permissions().mode() & 0o077)?;
    if mode != 0 {
        return Err(Failure(format!("the key-encryption key file {shown} can be read by others: chmod 600 {shown}")));
    }
    parse(&text, &shown.to_string())
}

/// Runs a command (`sh -c`) that prints the key.
pub(crate) fn from_command(command: &str) -> Result<Secret, Failure> {
    let done = std::process::Command::new("sh").arg("-c").arg(command).stderr(std::process::Stdio::inherit()).output();
    let done = done.map_err(|e| Failure(format!("the key-encryption key command cannot be run: {e}")))?;
    if !done.status.success() {
        return Err(Failure(format!("the key-encryption key command failed ({})", done.status)));
    }
    parse(&String::from_utf8_lossy(&done.stdout), "the command")
}

/// The key in a file, made if there is none.
pub(crate) fn from_file_or_new(path: &Path, entropy: &dyn Entropy) -> Result<Secret, Failure> {
    if path.exists() {
        return from_file(path);
    }
    let secret = Secret::new(entropy);
    write_private(path, &format!("{}\n", hex(secret.bytes())))?;
    Ok(secret)
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let temporary = path.with_extension("new");
    let shown = path.display().to_string();
    let write = || -> std::io::Result<()> {
        let _ = std::fs::remove_file(&temporary);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().map_err(|e| Failure(format!("cannot write {shown}: {e}. Is the disk full, or the folder not yours?")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_hexadecimal_or_43_base64url_characters() {
        assert!(parse(&"ab".repeat(32), "x").is_ok());
        assert!(parse(&format!("{}\n", "A".repeat(43)), "x").is_ok());
        for bad in ["", "abc", &"zz".repeat(32), &"ab".repeat(31), &"é".repeat(32)] {
            let Failure(text) = parse(bad, "x").expect_err("refused");
            assert!(text.contains("openssl rand"), "{text}");
        }
    }
}
