//! Which files a folder or a pattern stands for, and in which order they are read.

use std::fs;

use outgrow_data::ReadOptions;

use crate::support::Workshop;

/// A folder with files in it, each a document that is its name.
fn folder(names: &[&str]) -> Workshop {
    let workshop = Workshop::new(5);
    for name in names {
        let path = workshop.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let is_text = path.extension().is_some_and(|extension| extension == "txt");
        let document = if is_text { (*name).to_owned() } else { format!("{{\"text\": \"{name}\"}}\n") };
        fs::write(path, document).unwrap();
    }
    workshop
}

#[track_caller]
fn read(workshop: &Workshop, inputs: &[&str]) -> (String, String) {
    let (texts, notes) = workshop.read(inputs, &ReadOptions::default()).unwrap();
    (texts.join(" "), notes)
}

#[track_caller]
fn refusal(workshop: &Workshop, inputs: &[&str]) -> String {
    workshop.read(inputs, &ReadOptions::default()).unwrap_err()
}

#[test]
fn a_folder_is_read_in_the_order_of_its_paths_name_by_name() {
    let names = [
        "d/b.jsonl",
        "d/a/2.jsonl",
        "d/a-1.jsonl",
        "d/a/10.jsonl",
        "d/B.jsonl",
        "d/a.jsonl",
        "d/é.jsonl",
        "d/a/b/c.jsonl",
    ];
    let (texts, notes) = read(&folder(&names), &["d"]);
    assert_eq!(
        texts,
        "d/B.jsonl d/a/10.jsonl d/a/2.jsonl d/a/b/c.jsonl d/a-1.jsonl d/a.jsonl d/b.jsonl d/é.jsonl"
    );
    assert_eq!(notes, "");
}

#[test]
fn what_is_about_a_data_set_is_passed_over_and_named() {
    let names = [
        "d/README.txt",
        "d/a.jsonl",
        "d/.gitattributes",
        "d/.cache/x.jsonl",
        "d/dataset_infos.json",
        "d/sub/LICENSE",
        "d/sub/b.txt",
        "d/image.png",
        "d/model.safetensors.index.json",
    ];
    let (texts, notes) = read(&folder(&names), &["d"]);
    assert_eq!(texts, "d/a.jsonl d/sub/b.txt");
    insta::assert_snapshot!(notes, @"d: 7 files passed over: .cache/, .gitattributes, README.txt, dataset_infos.json, image.png, model.safetensors.index.json and 1 more");
}

#[test]
fn a_pattern_is_expanded_in_the_same_order() {
    let workshop =
        folder(&["d/b.jsonl", "d/a.jsonl", "d/.hidden.jsonl", "d/c.txt", "d/sub/a.jsonl", "d/README.md"]);
    assert_eq!(read(&workshop, &["d/*.jsonl"]), ("d/a.jsonl d/b.jsonl".into(), String::new()));
    assert_eq!(read(&workshop, &["d/**/*.jsonl"]).0, "d/a.jsonl d/b.jsonl d/sub/a.jsonl");
    assert_eq!(read(&workshop, &["d/[bc].*"]).0, "d/b.jsonl d/c.txt");
    let (texts, notes) = read(&workshop, &["d/*"]);
    assert_eq!(texts, "d/a.jsonl d/b.jsonl d/c.txt d/sub/a.jsonl");
    insta::assert_snapshot!(notes, @"d/*: 1 file passed over: d/README.md");
}

#[test]
fn a_path_that_is_there_is_no_pattern() {
    let workshop = folder(&["d/a[1].jsonl", "d/a1.jsonl", "e*/b.jsonl"]);
    assert_eq!(read(&workshop, &["d/a[1].jsonl"]).0, "d/a[1].jsonl");
    assert_eq!(read(&workshop, &["e*"]).0, "e*/b.jsonl");
}

#[test]
fn what_is_named_outright_is_read_as_often_and_what_is_found_once() {
    let workshop = folder(&["d/a.jsonl", "d/b.jsonl"]);
    let (texts, notes) = read(&workshop, &["d/a.jsonl", "d/a.jsonl"]);
    assert_eq!(texts, "d/a.jsonl d/a.jsonl");
    insta::assert_snapshot!(notes, @"named more than once, and read as often: d/a.jsonl");
    for inputs in [["d", "d/a.jsonl"], ["d/*.jsonl", "d/a.jsonl"]] {
        let (texts, notes) = read(&workshop, &inputs);
        assert_eq!(texts, "d/b.jsonl d/a.jsonl");
        assert_eq!(notes, "1 file found once more in a folder or by a pattern, and read once");
    }
    assert_eq!(read(&workshop, &["d", "d/../d/b.*"]).0, "d/a.jsonl d/b.jsonl");
}

#[test]
fn several_splits_of_a_data_set_are_noted() {
    let workshop =
        folder(&["d/train-00000-of-00001.jsonl", "d/test-00000-of-00001.jsonl", "d/contest.jsonl"]);
    insta::assert_snapshot!(read(&workshop, &["d"]).1, @"d: has files of several splits, and all of them are read: d/train-00000-of-00001.jsonl, d/test-00000-of-00001.jsonl");
    assert_eq!(read(&workshop, &["d/train*"]).1, "");
}

#[test]
fn a_file_beside_its_compressed_copy_is_noted() {
    let workshop = folder(&["d/a.jsonl", "d/b.jsonl", "e/a.jsonl"]);
    let copy = zstd::encode_all(&b"{\"text\": \"copy\"}\n"[..], 3).unwrap();
    workshop.write("d/a.jsonl.zst", copy);
    let (texts, notes) = read(&workshop, &["d", "e"]);
    assert_eq!(texts, "d/a.jsonl copy d/b.jsonl e/a.jsonl");
    insta::assert_snapshot!(notes, @"d: may be the same text twice, and both are read: d/a.jsonl and d/a.jsonl.zst");
}

#[test]
fn all_problems_of_all_inputs_are_named_at_once() {
    let workshop = folder(&["empty/README.md", "a.md", "d/a.jsonl"]);
    fs::create_dir(workshop.path("bare")).unwrap();
    insta::assert_snapshot!(refusal(&workshop, &["none.jsonl", "d", "empty", "bare", "no*.jsonl", "d/[z-a]"]), @"none.jsonl: cannot read: No such file or directory (os error 2); empty: has no file that is read; it has README.md; bare: has no file that is read; it has nothing; no*.jsonl: matches no file; d/[z-a]: matches no file");
    insta::assert_snapshot!(refusal(&workshop, &["a.md", "d/a.jsonl"]), @"a.md: unknown kind of text file; expected .txt, .jsonl, .ndjson or .json (each also with .gz, .zst or .xz behind it) or .parquet");
}

#[cfg(unix)]
#[test]
fn links_lead_to_their_files_and_a_link_to_nothing_is_named() {
    use std::os::unix::fs::symlink;
    let workshop = folder(&["blobs/1", "d/b.jsonl"]);
    symlink("../blobs/1", workshop.path("d/a.jsonl")).unwrap();
    symlink("../nothing", workshop.path("d/README.md")).unwrap();
    assert_eq!(read(&workshop, &["d"]).0, "blobs/1 d/b.jsonl");
    symlink("../nothing", workshop.path("d/c.jsonl")).unwrap();
    insta::assert_snapshot!(refusal(&workshop, &["d"]), @"d/c.jsonl: cannot read: No such file or directory (os error 2)");
    fs::remove_file(workshop.path("d/c.jsonl")).unwrap();
    symlink("../d", workshop.path("d/loop")).unwrap();
    assert_eq!(
        read(&workshop, &["d"]),
        ("blobs/1 d/b.jsonl".into(), "d: 2 files passed over: README.md, loop".into())
    );
}
