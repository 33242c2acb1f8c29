//! Files that only their owner may read.

use std::path::Path;

use crate::error::StoreError;

/// Takes read permission from everybody but the owner.
pub(crate) fn private_file(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o600);
    match std::fs::metadata(path) {
        Ok(file) if file.permissions().mode() & 0o077 == 0 => Ok(()),
        _ => std::fs::set_permissions(path, mode)
            .map_err(|e| StoreError::Unusable(format!("cannot protect {}: {e}", path.display()))),
    }
}
