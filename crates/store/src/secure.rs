//! Files that only their owner may read.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::error::StoreError;

/// Makes the file if there is none, and takes read permission from everybody but the owner.
pub(crate) fn private_file(path: &Path) -> Result<(), StoreError> {
    let place = path.display();
    match std::fs::metadata(path) {
        Ok(file) if file.permissions().mode() & 0o077 == 0 => Ok(()),
        Ok(_) => std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(|e| {
            StoreError::Unusable(format!(
                "cannot take {place} from other users: {e}. Its owner must be the server's user."
            ))
        }),
        Err(_) => {
            let made = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
            made.map(|_| ()).map_err(|e| {
                StoreError::Unusable(format!(
                    "cannot make {place}: {e}. Give this user write permission on the folder, or free some space."
                ))
            })
        }
    }
}
