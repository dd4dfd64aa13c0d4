//! Files made to mislead: each gives one clear line. Files that are merely cut or mismatched are not among
//! them.

use std::{
    fs::{self, File},
    path::PathBuf,
};

use outgrow_checkpoint::{
    CheckpointError, WeightFolder,
    folder::{INDEX_FILE, SINGLE_FILE},
};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

const A: &str = r#""a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;

#[test]
fn a_name_that_is_there_twice_is_refused_whatever_its_bytes() {
    let twice = [
        r#""a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}"#,
        A,
        r#""a":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}"#,
    ];
    for second in twice {
        let message = refusal(&format!("{{{A},{second}}}"), 16);
        assert!(message.contains("bad safetensors header: `a` is there twice"), "{message}");
    }
    insta::assert_snapshot!(refusal(&format!("{{{A},{A}}}"), 8), @"DIR/model/model.safetensors: bad safetensors header: `a` is there twice at line 1 column 107");
    insta::assert_snapshot!(refusal(&format!("{{\"__metadata__\":{{}},{A},\"__metadata__\":{{}}}}"), 8), @"DIR/model/model.safetensors: bad safetensors header: `__metadata__` is there twice at line 1 column 90");
}

#[test]
fn tensors_that_overlap_or_leave_holes_are_named() {
    let with_b = |shape: u64, start: u64, end: u64| {
        let b = json!({ "dtype": "F32", "shape": [shape], "data_offsets": [start, end] });
        refusal(&format!("{{{A},\"b\":{b}}}"), 16)
    };
    insta::assert_snapshot!(with_b(2, 4, 12), @"DIR/model/model.safetensors: bad safetensors header: `b` begins at byte 4, expected 8; it overlaps the tensor before it");
    insta::assert_snapshot!(with_b(2, 0, 8), @"DIR/model/model.safetensors: bad safetensors header: `b` begins at byte 0, expected 8; it overlaps the tensor before it");
    insta::assert_snapshot!(with_b(1, 12, 16), @"DIR/model/model.safetensors: bad safetensors header: `b` begins at byte 12, expected 8; it leaves a hole");
    insta::assert_snapshot!(with_b(1, 12, 8), @"DIR/model/model.safetensors: bad safetensors header: `b` has the bytes 12 to 8, which end before they begin");
    insta::assert_snapshot!(refusal(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#, 16), @"DIR/model/model.safetensors: bad safetensors header: `a` begins at byte 8, expected 0; it leaves a hole");
}

#[test]
fn shapes_that_do_not_fit_their_bytes_are_named() {
    let alone = |dtype: &str, shape: &str, end: u64| {
        refusal(
            &format!("{{\"a\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[0,{end}]}}}}"),
            8,
        )
    };
    insta::assert_snapshot!(alone("F32", "[3]", 8), @"DIR/model/model.safetensors: bad safetensors header: `a` has 8 bytes, but shape [3] of F32 needs 12");
    insta::assert_snapshot!(alone("BF16", "[2,1]", 8), @"DIR/model/model.safetensors: bad safetensors header: `a` has 8 bytes, but shape [2, 1] of BF16 needs 4");
    insta::assert_snapshot!(alone("F32", "[4294967296,4294967296]", 8), @"DIR/model/model.safetensors: bad safetensors header: `a` has shape [4294967296, 4294967296], which is larger than any file");
    insta::assert_snapshot!(alone("F32", "[-2]", 8), @"DIR/model/model.safetensors: bad safetensors header: invalid value: integer `-2`, expected u64 at line 1 column 31");
    insta::assert_snapshot!(alone("F32", "[4611686018427387904]", 8), @"DIR/model/model.safetensors: bad safetensors header: `a` has shape [4611686018427387904], which is larger than any file");
    insta::assert_snapshot!(alone("F3", "[8]", u64::MAX), @"DIR/model/model.safetensors: bad safetensors header: `a` ends at byte 18446744073709551615, beyond any file");
    insta::assert_snapshot!(alone("I8", "[9]", 8), @"DIR/model/model.safetensors: bad safetensors header: `a` has 8 bytes, but shape [9] of I8 needs 9");
    insta::assert_snapshot!(alone("F4", "[5]", 8), @"DIR/model/model.safetensors: bad safetensors header: `a` has shape [5] of F4, which fills no whole bytes");
    insta::assert_snapshot!(refusal("{\"a\":[1,2]}", 8), @"DIR/model/model.safetensors: bad safetensors header: invalid type: integer `1`, expected a string at line 1 column 7");
    insta::assert_snapshot!(refusal(&"[".repeat(100_000), 8), @"DIR/model/model.safetensors: bad safetensors header: invalid type: sequence, expected an object of tensors at line 1 column 0");
}

#[test]
fn a_header_of_a_thousand_million_bytes_is_not_read() {
    let size = 1_000_000_000_u64;
    let folder = Folder::new();
    fs::write(folder.file(SINGLE_FILE), size.to_le_bytes()).unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model/model.safetensors: its header should have 1000000000 bytes, but 0 follow; it is truncated or no safetensors file");
    // A file with a hole is as long as it says, and takes no room.
    File::options().write(true).open(folder.file(SINGLE_FILE)).unwrap().set_len(8 + 2 * size).unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model/model.safetensors: its header should have 1000000000 bytes, but the format allows 100000000; it is no safetensors file");
}

#[test]
fn a_tensor_in_two_shards_is_refused() {
    let folder = Folder::new();
    for shard in ["one.safetensors", "two.safetensors"] {
        fs::write(folder.file(shard), safetensors(&format!("{{{A}}}"), 8)).unwrap();
    }
    let index = json!({ "weight_map": { "a": "one.safetensors", "b": "two.safetensors" } });
    fs::write(folder.file(INDEX_FILE), index.to_string()).unwrap();
    // Nothing says which of two is meant; two that are the same are one.
    let opened = || WeightFolder::open(&folder.path).unwrap();
    let needed = |name: &'static str| opened().unneeded(|one| one == name).map(|notes| notes.len());
    assert_eq!((opened().bytes("a").unwrap(), needed("a").unwrap()), (&[0, 1, 2, 3, 4, 5, 6, 7][..], 1));
    let other: Vec<u8> = safetensors(&format!("{{{A}}}"), 7).into_iter().chain([0]).collect();
    fs::write(folder.file("two.safetensors"), other).unwrap();
    assert!(opened().tensor("a").is_none());
    let refusal = |name| folder.anonymous(&needed(name).unwrap_err());
    insta::assert_snapshot!(refusal("a"), @"DIR/model: `a` is in one.safetensors and in two.safetensors, with other values");
    insta::assert_snapshot!(refusal("b"), @"DIR/model: `b` is in two.safetensors by the index, and that does not hold it");
}

#[test]
fn an_index_does_not_lead_out_of_its_folder() {
    let folder = Folder::new();
    fs::write(folder.dir.path().join("outside.safetensors"), safetensors(&format!("{{{A}}}"), 8)).unwrap();
    let absolute = folder.dir.path().join("outside.safetensors").display().to_string();
    for name in ["../outside.safetensors", "x/../../outside.safetensors", "..", ".", "", "a/", &absolute] {
        let index = json!({ "weight_map": { "a": name } });
        fs::write(folder.file(INDEX_FILE), index.to_string()).unwrap();
        let message = folder.refusal();
        assert!(message.ends_with("expected the name of a file"), "{name}: {message}");
    }
    fs::write(folder.file(INDEX_FILE), json!({ "weight_map": { "a": 7 } }).to_string()).unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model/model.safetensors.index.json: `a` is in 7, expected the name of a file");
    fs::write(folder.file(INDEX_FILE), "[]").unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model/model.safetensors.index.json: expected a JSON object");
}

#[test]
fn a_configuration_that_is_no_object_is_refused() {
    let folder = Folder::new();
    fs::write(folder.file("config.json"), "[1]").unwrap();
    insta::assert_snapshot!(folder.refusal(), @"DIR/model/config.json: expected a JSON object");
}

proptest! {
    /// Both readers take a header or neither does, but for names that are there twice.
    #[test]
    fn headers_are_judged_as_the_safetensors_crate_judges_them(
        tensors in proptest::collection::vec((0_u64..4, 0_u64..4, 0_u64..3, -1_i64..2), 0..4),
        data in 0_usize..48,
    ) {
        let mut end = 0;
        let mut header = serde_json::Map::new();
        for (index, (rows, columns, dtype, slip)) in tensors.into_iter().enumerate() {
            let (dtype, size) = [("F32", 4), ("BF16", 2), ("F16", 2)][dtype as usize];
            // Now and then a byte too many or too few.
            let start = end;
            end = (end + rows * columns * size).saturating_add_signed(if data % 3 == 0 { slip } else { 0 });
            let entry = json!({ "dtype": dtype, "shape": [rows, columns], "data_offsets": [start, end] });
            header.insert(format!("t{index}"), entry);
        }
        let length = if data % 2 == 0 { end as usize } else { data };
        let folder = Folder::new();
        let bytes = safetensors(&serde_json::Value::Object(header).to_string(), length);
        fs::write(folder.file(SINGLE_FILE), &bytes).unwrap();
        let (ours, theirs) = (WeightFolder::open(&folder.path), safetensors::SafeTensors::deserialize(&bytes));
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            for (name, view) in theirs.tensors() {
                prop_assert_eq!(ours.bytes(&name).unwrap(), view.data());
                prop_assert_eq!(&ours.tensor(&name).unwrap().shape[..], view.shape());
            }
        }
    }
}

/// A file with this header and as many bytes after it.
fn safetensors(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend((0..data).map(|byte| byte as u8));
    bytes
}

fn refusal(header: &str, data: usize) -> String {
    let folder = Folder::new();
    fs::write(folder.file(SINGLE_FILE), safetensors(header, data)).unwrap();
    folder.refusal()
}

struct Folder {
    dir: TempDir,
    path: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("model");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("config.json"), "{}").unwrap();
        Self { dir, path }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn refusal(&self) -> String {
        self.anonymous(&WeightFolder::open(&self.path).unwrap_err())
    }

    fn anonymous(&self, error: &CheckpointError) -> String {
        let message = error.to_string();
        assert!(!message.contains('\n'), "{message}");
        message.replace(&self.dir.path().display().to_string(), "DIR")
    }
}
