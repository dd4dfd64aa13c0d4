//! What an error says of itself: whether the input is at fault, whether the disk is full, and why.

use std::{
    error::Error,
    io::{self, ErrorKind},
    path::Path,
};

use outgrow_checkpoint::{Checkpoint, CheckpointError, LlamaConfig, io_error, with_causes};

fn refused(kind: ErrorKind) -> CheckpointError {
    CheckpointError::io("read", Path::new("a/config.json"), kind.into())
}

#[test]
fn what_is_not_there_or_is_something_else_is_the_user_s_to_mend_and_a_full_disk_is_not() {
    for kind in [
        ErrorKind::NotFound,
        ErrorKind::AlreadyExists,
        ErrorKind::InvalidData,
        ErrorKind::InvalidInput,
        ErrorKind::UnexpectedEof,
        ErrorKind::NotADirectory,
        ErrorKind::IsADirectory,
    ] {
        assert!(io_error::is_input(&kind.into()), "{kind}");
        assert!(refused(kind).is_input() && !refused(kind).is_disk_full(), "{kind}");
    }
    for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
        assert!(io_error::is_disk_full(&kind.into()), "{kind}");
        assert!(refused(kind).is_disk_full() && !refused(kind).is_input(), "{kind}");
    }
    for kind in [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem, ErrorKind::TimedOut] {
        assert!(!refused(kind).is_input() && !refused(kind).is_disk_full(), "{kind}");
    }
    assert!(Checkpoint::open(Path::new("no/such/folder")).unwrap_err().is_input());
    assert!(LlamaConfig::from_json("{}").unwrap_err().is_input());
}

#[test]
fn a_cause_is_no_part_of_the_message_and_can_be_had_with_it() {
    let error = CheckpointError::io("read", Path::new("a/config.json"), io::Error::other("the cable is cut"));
    insta::assert_snapshot!(error, @"a/config.json: cannot read");
    insta::assert_snapshot!(error.source().unwrap(), @"the cable is cut");
    insta::assert_snapshot!(with_causes(&error), @"a/config.json: cannot read: the cable is cut");
}
