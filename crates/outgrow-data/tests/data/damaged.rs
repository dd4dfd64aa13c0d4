//! Files that aren't what their names say, and files that break off: one line that says what they look like, how far
//! they could be read, and what to do.

use std::{fs, io::Write as _};

use flate2::write::GzEncoder;

use crate::support::{Workshop, json_line};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn refused(name: &str, bytes: impl AsRef<[u8]>) -> String {
    let workshop = Workshop::new(5);
    workshop.write(name, bytes);
    workshop.refusal(name)
}

/// Lines that don't compress well, so that half of the file holds many of them.
fn lines() -> String {
    (0..3000_u32)
        .map(|line| json_line(&[line.wrapping_mul(2_654_435_761), line.wrapping_mul(40_503)]))
        .collect()
}

#[test]
fn another_compression_than_the_name_says_is_named() {
    let line = json_line(&[1]);
    insta::assert_snapshot!(refused("a.jsonl.zst", gzip(line.as_bytes())), @"a.jsonl.zst: is not zstd, as its name says: it looks like gzip; name it a.jsonl.gz, if that is what it should be");
    insta::assert_snapshot!(refused("a.jsonl.gz", zstd(line.as_bytes())), @"a.jsonl.gz: is not gzip, as its name says: it looks like zstd; name it a.jsonl.zst, if that is what it should be");
    insta::assert_snapshot!(refused("a.jsonl", gzip(line.as_bytes())), @"a.jsonl: is not JSON, as its name says: it looks like gzip; name it a.jsonl.gz, if that is what it should be");
    insta::assert_snapshot!(refused("a.jsonl.zst", &line), @"a.jsonl.zst: is not zstd, as its name says: it looks like plain text; name it a.jsonl, if that is what it should be");
    insta::assert_snapshot!(refused("a.json.gz", &line), @"a.json.gz: is not gzip, as its name says: it looks like plain text; name it a.json, if that is what it should be");
    insta::assert_snapshot!(refused("a.txt", zstd(b"w1")), @"a.txt: is not text, as its name says: it looks like zstd; name it a.txt.zst, if that is what it should be");
    insta::assert_snapshot!(refused("a.txt.gz", ""), @"a.txt.gz: is not gzip, as its name says: it looks like an empty file; fetch it again");
    insta::assert_snapshot!(refused("a.jsonl.gz", gzip(&gzip(line.as_bytes()))), @"a.jsonl.gz: is not compressed JSON, as its name says: it looks like gzip; decompress it first");
}

#[test]
fn something_else_in_the_place_of_the_data_is_named() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    insta::assert_snapshot!(refused("a.jsonl.zst", pointer), @"a.jsonl.zst: is not zstd, as its name says: it looks like a pointer of Git LFS, which stands for a file that was not fetched; fetch the file itself (git lfs pull)");
    insta::assert_snapshot!(refused("a.parquet", pointer), @"a.parquet: is not parquet, as its name says: it looks like a pointer of Git LFS, which stands for a file that was not fetched; fetch the file itself (git lfs pull)");
    insta::assert_snapshot!(refused("a.txt", pointer), @"a.txt: is not text, as its name says: it looks like a pointer of Git LFS, which stands for a file that was not fetched; fetch the file itself (git lfs pull)");
    insta::assert_snapshot!(refused("a.json", "<!DOCTYPE html>\n<html>404</html>"), @"a.json: is not JSON, as its name says: it looks like HTML or XML, such as the page of an error in place of the file; fetch it again");
    insta::assert_snapshot!(refused("a.parquet", "<html>"), @"a.parquet: is not parquet, as its name says: it looks like HTML or XML, such as the page of an error in place of the file; fetch it again");
    insta::assert_snapshot!(refused("a.jsonl", b"PAR1\x15\x04\x15\x10"), @"a.jsonl: is not JSON, as its name says: it looks like parquet; name it .parquet, if that is what it should be");
    insta::assert_snapshot!(refused("a.parquet", json_line(&[1])), @"a.parquet: is not parquet, as its name says: it looks like plain text; name it by what it is (.txt, .jsonl)");
    insta::assert_snapshot!(refused("a.parquet", "PAR1 and no more"), @"a.parquet: not a parquet file that can be read: Parquet error: Invalid Parquet file. Corrupt footer");
    insta::assert_snapshot!(refused("a.jsonl", "BZh91AY&SY\u{0}"), @"a.jsonl: is not JSON, as its name says: it looks like bzip2; decompress it first (bunzip2)");
    insta::assert_snapshot!(refused("a.jsonl.bz2", "BZh91AY&SY\u{0}"), @"a.jsonl.bz2: unknown kind of text file (it looks like bzip2; decompress it first (bunzip2)); expected .txt, .jsonl, .ndjson or .json (each also with .gz, .zst or .xz behind it) or .parquet");
    insta::assert_snapshot!(refused("a.arrow", b"ARROW1\0\0"), @"a.arrow: unknown kind of text file (it looks like an Arrow file; save it as parquet first); expected .txt, .jsonl, .ndjson or .json (each also with .gz, .zst or .xz behind it) or .parquet");
    let mut tar = vec![0; 1024];
    tar[257..262].copy_from_slice(b"ustar");
    insta::assert_snapshot!(refused("a.jsonl.gz", gzip(&tar)), @"a.jsonl.gz: is not compressed JSON, as its name says: it looks like a tar archive; unpack it first");
    insta::assert_snapshot!(refused("a.txt", [0; 4096]), @"a.txt: is not text, as its name says: it looks like nothing but zeros; fetch or write it again");
}

#[test]
fn text_in_wide_characters_is_named_with_and_without_its_mark() {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    insta::assert_snapshot!(refused("a.txt", wide("\u{feff}The river was high.")), @"a.txt: is not text, as its name says: it looks like text in UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)");
    insta::assert_snapshot!(refused("a.txt", wide("The river was high.")), @"a.txt: is not text, as its name says: it looks like text in UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)");
    insta::assert_snapshot!(refused("a.jsonl", wide("{\"text\": \"w1\"}\n")), @"a.jsonl: is not JSON, as its name says: it looks like text in UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)");
}

#[test]
fn a_compressed_file_that_breaks_off_is_named_with_its_good_lines() {
    let lines = lines();
    let (gzip, zstd) = (gzip(lines.as_bytes()), zstd(lines.as_bytes()));
    insta::assert_snapshot!(refused("a.jsonl.gz", &gzip[..gzip.len() / 2]), @"a.jsonl.gz: cannot read on after line 1473: incomplete deflate stream; was the file fetched whole?");
    insta::assert_snapshot!(refused("a.jsonl.gz", &gzip[..gzip.len() - 4]), @"a.jsonl.gz: cannot read on after line 3000: unexpected end of file; was the file fetched whole?");
    insta::assert_snapshot!(refused("a.jsonl.zst", &zstd[..zstd.len() - 4]), @"a.jsonl.zst: cannot read on after line 0: incomplete frame; was the file fetched whole?");
    insta::assert_snapshot!(refused("a.txt.gz", &gzip[..gzip.len() / 2]), @"a.txt.gz: cannot read on after byte 49439 of its text: incomplete deflate stream; was the file fetched whole?");
    let xz = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/lines.jsonl.xz")).unwrap();
    insta::assert_snapshot!(refused("a.jsonl.xz", &xz[..xz.len() / 2]), @"a.jsonl.xz: cannot read on after line 7: failed to fill whole buffer; was the file fetched whole?");
    insta::assert_snapshot!(refused("a.jsonl.xz", &xz[..xz.len() - 4]), @"a.jsonl.xz: cannot read on after line 13: failed to fill whole buffer; was the file fetched whole?");
}

#[test]
fn a_changed_byte_in_a_compressed_file_is_noticed() {
    let change = |mut bytes: Vec<u8>, at: usize| {
        bytes[at] ^= 0x10;
        bytes
    };
    let gzip = gzip(json_line(&[1, 2, 3]).as_bytes());
    let sum = gzip.len() - 6;
    insta::assert_snapshot!(refused("a.jsonl.gz", change(gzip, sum)), @"a.jsonl.gz: cannot read on after line 1: corrupt gzip stream does not have a matching checksum");
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(json_line(&[1, 2, 3]).as_bytes()).unwrap();
    let zstd = encoder.finish().unwrap();
    let sum = zstd.len() - 1;
    insta::assert_snapshot!(refused("a.jsonl.zst", change(zstd, sum)), @"a.jsonl.zst: cannot read on after line 0: Restored data doesn't match checksum");
    let xz = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/lines.jsonl.xz")).unwrap();
    let middle = xz.len() / 4;
    insta::assert_snapshot!(refused("a.jsonl.xz", change(xz, middle)), @"a.jsonl.xz: cannot read on after line 0: dist overflow");
    // Its pages carry sums, as not all files' do.
    let parquet =
        fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/second-pages.parquet")).unwrap();
    insta::assert_snapshot!(refused("a.parquet", change(parquet, 250)), @"a.parquet: cannot read on after row 0: not a parquet file that can be read: Parquet error: Page CRC checksum mismatch");
}

#[test]
fn bytes_behind_a_gzip_file_are_refused_unless_they_are_zeros() {
    let workshop = Workshop::new(5);
    let whole = gzip(json_line(&[1]).as_bytes());
    workshop.write("a.jsonl.gz", [&whole[..], &vec![0; 100_000]].concat());
    assert_eq!(workshop.texts("a.jsonl.gz"), ["w1"]);
    insta::assert_snapshot!(refused("a.jsonl.gz", [&whole[..], b"junk"].concat()), @"a.jsonl.gz: cannot read on after line 1: behind its 1 gzip member(s) stand bytes that are no gzip; fetch it again, or repack it (gzip -dc)");
    insta::assert_snapshot!(refused("a.jsonl.gz", [&whole[..], &[0; 9], &whole[..]].concat()), @"a.jsonl.gz: cannot read on after line 1: behind its 1 gzip member(s) stand bytes that are no gzip; fetch it again, or repack it (gzip -dc)");
    insta::assert_snapshot!(refused("a.jsonl.zst", [&zstd(json_line(&[1]).as_bytes())[..], b"junk"].concat()), @"a.jsonl.zst: cannot read on after line 1: Unknown frame descriptor");
}

#[test]
fn a_parquet_file_that_was_cut_or_changed_is_named() {
    let whole = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/zstd.parquet")).unwrap();
    insta::assert_snapshot!(refused("a.parquet", &whole[..whole.len() / 2]), @"a.parquet: not a parquet file that can be read: Parquet error: Invalid Parquet file. Corrupt footer");
    let mut zeroed = whole;
    zeroed[4..30].fill(0);
    insta::assert_snapshot!(refused("a.parquet", &zeroed), @"a.parquet: cannot read on after row 0: not a parquet file that can be read: Parquet error: Required field type_ is missing");
}

#[test]
fn arrays_that_are_not_well_formed_are_named_with_their_good_elements() {
    let object = "{\"text\": \"w1\"}";
    insta::assert_snapshot!(refused("a.json", format!("[{object}, {object}")), @"a.json: cannot read on after element 2: the array has no end; was the file fetched whole?");
    insta::assert_snapshot!(refused("a.json", format!("[{object}, {{\"text\": \"w2")), @"a.json: cannot read on after element 1: the next value has no end; was the file fetched whole?");
    insta::assert_snapshot!(refused("a.json", format!("[{object}, ]")), @"a.json: cannot read on after element 1: a value is missing between commas");
    insta::assert_snapshot!(refused("a.json", format!("[, {object}]")), @"a.json: cannot read on after element 0: a value is missing between commas");
    insta::assert_snapshot!(refused("a.json", format!("[{object} {object}]")), @"a.json: cannot read on after element 1: what follows is neither a comma nor the end of the array");
    insta::assert_snapshot!(refused("a.json", format!("[{object}]]")), @"a.json: cannot read on after element 1: the file goes on behind the end of its array");
    insta::assert_snapshot!(refused("a.json", format!("[{object}, \"w1\"]")), @r#"a.json, element 2: not a JSON object; expected {"text": "…"}"#);
    insta::assert_snapshot!(refused("a.json", "{\n  \"text\": \"w1\"\n}\n{\n  \"text\": "), @"a.json: cannot read on after element 1: the next value has no end; was the file fetched whole?");
    insta::assert_snapshot!(refused("a.json", "{\n  \"text\": \"w1\"\n}\n]\n"), @"a.json, element 2: not JSON: expected value at line 1 column 1");
}
