//! Whether a refusal of the operating system is the user's to mend, judged by its kind. The predicates of errors ask
//! it, in this crate and in those above. It words no message.

use std::io::{Error, ErrorKind};

/// Whether what the user named is at fault and can be mended: a file that isn't there, is there already, or isn't what
/// it should be.
///
/// ```
/// use std::io::{Error, ErrorKind};
/// use outgrow_checkpoint::io_error;
///
/// assert!(io_error::is_input(&Error::from(ErrorKind::NotFound)));
/// assert!(!io_error::is_input(&Error::from(ErrorKind::PermissionDenied)));
/// ```
pub fn is_input(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::InvalidData
            | ErrorKind::InvalidInput
            | ErrorKind::UnexpectedEof
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
    )
}

/// Whether the disk, or the quota on it, is full.
pub fn is_disk_full(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}
