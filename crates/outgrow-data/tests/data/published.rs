//! Corpora in the files in which they are published. The golden ones are by Python's libraries, with the texts that
//! Python reads in them; others are made here.

use std::{fs, io::Write, num::NonZero, path::Path, sync::Arc};

use flate2::write::GzEncoder;
use outgrow_data::{Documents, PrepareOptions, ReadOptions};
use outgrow_tokenizer::with_causes;
use parquet::{
    basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel},
    data_type::{ByteArray, ByteArrayType},
    file::{
        properties::{WriterProperties, WriterVersion},
        writer::SerializedFileWriter,
    },
    schema::parser::parse_message_type,
};
use proptest::prelude::*;

use crate::support::{Workshop, text};

fn golden(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The texts that Python has in the golden files, those that are null or empty left out, and how many these are.
fn golden_texts() -> (Vec<String>, u64) {
    let bytes = fs::read(golden("texts.json")).unwrap();
    let texts: Vec<Option<String>> = serde_json::from_slice(&bytes).unwrap();
    let all = texts.len();
    let texts = texts.into_iter().flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    assert!(texts.len() > 8 && texts.len() + 3 == all);
    let empty = (all - texts.len()) as u64;
    (texts, empty)
}

#[track_caller]
fn holds_the_golden_texts(name: &str, text_field: &str) {
    let options = ReadOptions { text_field: text_field.into(), ..ReadOptions::default() };
    let mut documents = Documents::open(&[golden(name)], &options).unwrap();
    let texts = documents.by_ref().map(|document| document.unwrap().text).collect::<Vec<_>>();
    let (expected, empty) = golden_texts();
    assert_eq!(texts, expected, "{name}");
    assert_eq!(
        (documents.findings().empty_documents, documents.findings().bad_documents),
        (empty, 0),
        "{name}"
    );
}

#[test]
fn compressed_lines_of_python_are_read_as_python_reads_them() {
    let names = [
        "lines.jsonl.gz",
        "members.jsonl.gz",
        "frames.jsonl.zst",
        "skippable.jsonl.zst",
        "long.jsonl.zst",
        "lines.jsonl.xz",
    ];
    for name in names {
        holds_the_golden_texts(name, "text");
    }
}

#[test]
fn arrays_of_python_are_read_on_one_line_and_indented() {
    holds_the_golden_texts("array.json.gz", "text");
    holds_the_golden_texts("indented.json.gz", "text");
}

#[test]
fn parquet_of_pyarrow_is_read_in_every_codec() {
    for codec in ["none", "snappy", "gzip", "brotli", "lz4", "zstd"] {
        holds_the_golden_texts(&format!("{codec}.parquet"), "text");
    }
}

#[test]
fn parquet_of_pyarrow_is_read_in_every_encoding_and_type_of_texts() {
    for name in
        ["second-pages", "lengths", "prefixes", "large-strings", "string-views", "dictionary", "binary"]
    {
        holds_the_golden_texts(&format!("{name}.parquet"), "text");
    }
}

#[test]
fn a_column_within_a_structure_is_named_with_a_point_unless_one_has_the_whole_name() {
    holds_the_golden_texts("nested.parquet", "data.text");
    holds_the_golden_texts("named-with-a-point.parquet", "data.text");
}

#[test]
fn a_column_that_holds_no_texts_is_refused_with_what_would_be_right() {
    let refused = |name: &str, text_field: &str| {
        let options = ReadOptions { text_field: text_field.into(), ..ReadOptions::default() };
        let error = with_causes(&Documents::open(&[golden(name)], &options).expect_err("refused"));
        error.rsplit('/').next().unwrap().to_owned()
    };
    insta::assert_snapshot!(refused("lists.parquet", "text"), @r#"lists.parquet: column "text" is a list, not a text; write its texts as one text, or as a row each"#);
    insta::assert_snapshot!(refused("lists.parquet", "turns.list.element.content"), @r#"lists.parquet: column "turns.list.element.content" is within a list, and has no one text for each row"#);
    insta::assert_snapshot!(refused("lists.parquet", "id"), @r#"lists.parquet: column "id" holds INT64, not texts"#);
    insta::assert_snapshot!(refused("lists.parquet", "content"), @r#"lists.parquet: no column "content"; the file has ["text", "id", "turns"]"#);
    insta::assert_snapshot!(refused("nested.parquet", "data"), @r#"nested.parquet: column "data" is a structure, not a text; a field in it is named by a point, as data.language"#);
    insta::assert_snapshot!(refused("nested.parquet", "data.content"), @r#"nested.parquet: no column "data.content"; the file has ["data"]"#);
}

/// A file of one column of texts that may be null, by Rust's library.
fn parquet_of(texts: &[Option<&str>], rows_of_a_group: usize, properties: WriterProperties) -> Vec<u8> {
    let schema = Arc::new(parse_message_type("message rows { optional binary text (utf8); }").unwrap());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).unwrap();
    for rows in texts.chunks(rows_of_a_group) {
        let values = rows.iter().flatten().map(|&text| ByteArray::from(text)).collect::<Vec<_>>();
        let levels = rows.iter().map(|text| i16::from(text.is_some())).collect::<Vec<_>>();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

#[test]
fn two_columns_of_one_name_are_refused() {
    let schema = "message rows { optional binary text (utf8); optional binary text (utf8); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut bytes = Vec::new();
    let properties = Arc::new(WriterProperties::builder().build());
    SerializedFileWriter::new(&mut bytes, schema, properties).unwrap().close().unwrap();
    let workshop = Workshop::new(50);
    workshop.write("twice.parquet", bytes);
    insta::assert_snapshot!(workshop.refusal("twice.parquet"), @r#"twice.parquet: has two columns of the name "text""#);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn parquet_with_the_lz4_of_hadoop_is_read() {
    let workshop = Workshop::new(50);
    let properties = WriterProperties::builder().set_compression(Compression::LZ4).build();
    let texts = vec![Some("w1 w2"), None, Some("w3")];
    workshop.write("hadoop.parquet", parquet_of(&texts, 2, properties));
    let (texts, notes) = workshop.read(&["hadoop.parquet"], &ReadOptions::default()).unwrap();
    assert_eq!(
        (texts, notes.as_str()),
        (vec!["w1 w2".into(), "w3".into()], "1 document without text passed over")
    );
}

fn codec(index: usize) -> Compression {
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ];
    codecs[index % codecs.len()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_same_documents_give_the_same_shards_in_whatever_files(
        documents in prop::collection::vec(prop::option::weighted(0.9, prop::collection::vec(0_u32..50, 0..12)), 1..40)
            .prop_filter("a corpus has text", |documents| documents.iter().flatten().any(|words| !words.is_empty())),
        cut in 0_usize..400, rows in 1_usize..20, codec_index in 0_usize..7, dictionary: bool, second_pages: bool, threads in 1_usize..4,
    ) {
        let workshop = Workshop::new(50);
        let texts = documents.iter().map(|words| words.as_deref().map(text)).collect::<Vec<_>>();
        let objects = texts.iter().map(|text| serde_json::json!({ "id": 1, "text": text })).collect::<Vec<_>>();
        let lines = objects.iter().map(|object| format!("{object}\n")).collect::<Vec<_>>().concat();
        let (head, tail) = lines.as_bytes().split_at(cut.min(lines.len()));
        let version = if second_pages { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
        let properties = WriterProperties::builder()
            .set_compression(codec(codec_index))
            .set_dictionary_enabled(dictionary)
            .set_writer_version(version)
            .set_data_page_size_limit(64)
            .set_write_batch_size(4)
            .build();
        let borrowed = texts.iter().map(Option::as_deref).collect::<Vec<_>>();
        let indented = objects.iter().map(|object| format!("{object:#}\n")).collect::<Vec<_>>().concat();
        let files = [
            workshop.write("lines.jsonl", &lines),
            workshop.write("lines.json", &lines),
            workshop.write("lines.jsonl.gz", [gzip(head), gzip(tail)].concat()),
            workshop.write("lines.ndjson.zst", [zstd::encode_all(head, 1).unwrap(), zstd::encode_all(tail, 1).unwrap()].concat()),
            workshop.write("array.json", serde_json::to_string(&objects).unwrap()),
            workshop.write("array.jsonl.gz", gzip(serde_json::to_string_pretty(&objects).unwrap().as_bytes())),
            workshop.write("indented.json", indented),
            workshop.write("table.parquet", parquet_of(&borrowed, rows, properties)),
        ];
        let options = PrepareOptions { shard_tokens: 64, threads: NonZero::new(threads), ..PrepareOptions::default() };
        let manifests = files.iter().enumerate().map(|(index, file)| {
            let manifest = workshop.prepare(std::slice::from_ref(file), &index.to_string(), &options);
            manifest.map_err(|error| format!("{}: {error}", file.display())).unwrap()
        });
        let manifests = manifests.collect::<Vec<_>>();
        for (manifest, file) in manifests.iter().zip(&files) {
            prop_assert_eq!(manifest, &manifests[0], "{}", file.display());
        }
    }
}

#[test]
fn a_book_may_be_compressed() {
    let workshop = Workshop::new(50);
    workshop.write("a.txt", "w1 w2\n\nw3\n");
    workshop.write("a.txt.gz", gzip(b"w1 w2\n\nw3\n"));
    workshop.write("a.txt.zst", zstd::encode_all(&b"\xef\xbb\xbfw1 w2\n\nw3\n"[..], 3).unwrap());
    for name in ["a.txt", "a.txt.gz", "a.txt.zst"] {
        assert_eq!(workshop.texts(name), ["w1 w2\n\nw3\n"], "{name}");
    }
}

#[test]
fn marks_carriage_returns_and_blank_lines_are_no_part_of_json_lines() {
    let workshop = Workshop::new(50);
    let lines =
        "\u{feff}\r\n{\"text\": \"w1\"}\r\n\r\n  \n\u{feff}{\"text\": \"a\\u0000b\"}\n\n{\"text\": \"w3\"}";
    for name in ["a.jsonl", "a.json"] {
        workshop.write(name, lines);
        assert_eq!(workshop.texts(name), ["w1", "a\0b", "w3"], "{name}");
    }
}

#[test]
fn arrays_may_be_laid_out_in_any_way() {
    let workshop = Workshop::new(50);
    let object = r#"{"text": "w1 ]},[ \" \\", "other": [[], {"a": "]"}]}"#;
    let layouts = [
        format!("[{object},{object}]"),
        format!("\u{feff} \n[\n{object}\n,\n  {object}\n]\n\n"),
        format!("[{object} , {object} ]"),
        serde_json::to_string_pretty(&[
            serde_json::from_str::<serde_json::Value>(object).unwrap(),
            serde_json::from_str(object).unwrap(),
        ])
        .unwrap(),
    ];
    for layout in layouts {
        workshop.write("a.json", &layout);
        assert_eq!(workshop.texts("a.json"), [r#"w1 ]},[ " \"#; 2], "{layout}");
    }
    workshop.write("empty.json", "[ ]\n");
    assert!(workshop.texts("empty.json").is_empty());
}

#[test]
fn what_python_writes_beside_the_text_does_not_matter() {
    let workshop = Workshop::new(50);
    let lines = "{\"text\": \"w1\", \"score\": NaN}\n{\"ratio\": -Infinity, \"text\": \"w2 NaN\"}\n{\"text\": \"w3\", \"label\": \"\\ud83d\"}\n";
    workshop.write("a.jsonl", lines);
    assert_eq!(workshop.texts("a.jsonl"), ["w1", "w2 NaN", "w3"]);
}

#[test]
fn what_is_read_otherwise_than_it_stands_there_is_noted() {
    let workshop = Workshop::new(50);
    workshop.write(
        "a.jsonl",
        "{\"text\": \"w1 \\ud83d\"}\n{\"text\": \"w2\", \"text\": \"w3\"}\n{\"text\": null}\n",
    );
    workshop.write("b.txt", "<html>\r\nw4\r\n</html>");
    let (texts, notes) = workshop.read(&["a.jsonl", "b.txt"], &ReadOptions::default()).unwrap();
    assert_eq!(texts, ["w1 \u{fffd}", "w3", "<html>\r\nw4\r\n</html>"]);
    insta::assert_snapshot!(notes, @"
    1 document without text passed over
    1 text has half a surrogate pair, read as U+FFFD (it is no character, and has no UTF-8): a.jsonl, line 1
    1 document has its text's field twice, and the last one counts: a.jsonl, line 2
    1 file has line ends of Windows, which stay in the text: b.txt
    1 file looks like HTML or XML, and is read as text: b.txt
    ");
}

#[test]
fn a_separator_that_is_spelt_in_the_corpus_is_noted() {
    let workshop = Workshop::new(50);
    let input = workshop.write("stories.txt", "w1\n<|endoftext|>\nw2\n");
    let prepared = workshop.prepare_with_notes(&[input], "shards", &PrepareOptions::default()).unwrap();
    let notes = prepared.notes.join("\n").replace(&workshop.path("").display().to_string(), "");
    insta::assert_snapshot!(notes, @"1 document has <|endoftext|> in the text, which is read as text and separates nothing: stories.txt");
}
