//! What the first bytes of a file look like, for files that aren't what their names say: a page with an error in place
//! of the data, a pointer of Git LFS, text in UTF-16, another compression. It reads nothing and decides nothing.

/// What bytes look like, as far as documents' files are mistaken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Appearance {
    /// There are none.
    Nothing,
    Gzip,
    Zstd,
    Xz,
    Parquet,
    EncryptedParquet,
    /// Something that is not read at all, in words, and what to do about it.
    Foreign(&'static str, &'static str),
    Utf16,
    Utf32,
    /// A page or a message of a web server.
    Markup,
    /// A few lines that stand for a file that was not fetched.
    GitLfsPointer,
    /// None of these.
    Text,
}

/// Formats that begin with bytes of their own and are not read.
const FOREIGN: [(&[u8], &str, &str); 14] = [
    (b"BZh", "bzip2", "decompress it first (bunzip2)"),
    (b"\x04\x22\x4d\x18", "lz4", "decompress it first (lz4 -d)"),
    (b"\x89LZO", "lzop", "decompress it first (lzop -d)"),
    (b"LZIP", "lzip", "decompress it first (lzip -d)"),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (b"Rar!\x1a\x07", "a rar archive", "unpack it first"),
    (b"ARROW1\0\0", "an Arrow file", "save it as parquet first"),
    (b"\xff\xff\xff\xff", "a stream of Arrow (a data set saved to disk)", "save it as parquet first"),
    (b"ORC", "an ORC table", "save it as parquet first"),
    (b"\x93NUMPY", "an array of NumPy", "save its texts as JSON lines first"),
    (b"\x89HDF\r\n\x1a\n", "HDF5", "save its texts as JSON lines first"),
    (b"SQLite format 3\0", "a database of SQLite", "save its texts as JSON lines first"),
    (b"%PDF-", "a PDF", "extract its text first"),
];

/// A tar archive has its mark here, behind the first entry's name and numbers.
const TAR_MARK: usize = 257;
/// As many bytes as need to be looked at.
pub(super) const HEAD_BYTES: usize = 1024;

impl Appearance {
    /// What the first [`HEAD_BYTES`] of a file (or all of a shorter one) look like.
    pub(crate) fn of(head: &[u8]) -> Self {
        let begins = |magic: &[u8]| head.starts_with(magic);
        if head.is_empty() {
            return Self::Nothing;
        }
        if head.len() >= 16 && head.iter().all(|&byte| byte == 0) {
            return Self::Foreign("nothing but zeros", "fetch or write it again");
        }
        if begins(b"\x1f\x8b") {
            return Self::Gzip;
        }
        if is_zstd(head) {
            return Self::Zstd;
        }
        if begins(b"\xfd7zXZ\0") {
            return Self::Xz;
        }
        if begins(b"PAR1") {
            return Self::Parquet;
        }
        if begins(b"PARE") {
            return Self::EncryptedParquet;
        }
        if head.get(TAR_MARK..).is_some_and(|rest| rest.starts_with(b"ustar")) {
            return Self::Foreign("a tar archive", "unpack it first");
        }
        if let Some(&(_, what, advice)) =
            FOREIGN.iter().find(|(magic, ..)| begins(magic) && is_whole(magic, head))
        {
            return Self::Foreign(what, advice);
        }
        if begins(b"\xff\xfe\0\0") || begins(b"\0\0\xfe\xff") {
            return Self::Utf32;
        }
        if begins(b"\xff\xfe") || begins(b"\xfe\xff") || is_utf16_without_mark(head) {
            return Self::Utf16;
        }
        Self::of_text(head)
    }

    fn of_text(head: &[u8]) -> Self {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let begins = |word: &str| {
            text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
        };
        if begins("version https://git-lfs.github.com/spec/") {
            return Self::GitLfsPointer;
        }
        let tag = |word: &str| begins(word) && !text.get(word.len()).is_some_and(u8::is_ascii_alphanumeric);
        if ["<!doctype", "<html", "<head", "<?xml", "<error"].into_iter().any(tag) {
            return Self::Markup;
        }
        Self::Text
    }

    /// In words that go on behind "it looks like".
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Nothing => "an empty file",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Parquet => "parquet",
            Self::EncryptedParquet => "encrypted parquet",
            Self::Foreign(what, _) => what,
            Self::Utf16 => "text in UTF-16",
            Self::Utf32 => "text in UTF-32",
            Self::Markup => "HTML or XML, such as the page of an error in place of the file",
            Self::GitLfsPointer => "a pointer of Git LFS, which stands for a file that was not fetched",
            Self::Text => "plain text",
        }
    }
}

/// A frame, or one that decoders skip.
fn is_zstd(head: &[u8]) -> bool {
    head.starts_with(b"\x28\xb5\x2f\xfd") || matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Three letters can begin a text; behind those of bzip2 comes a digit and the number π, behind those of ORC nothing
/// printable.
fn is_whole(magic: &[u8], head: &[u8]) -> bool {
    match magic {
        b"BZh" => matches!(head, [_, _, _, b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]),
        b"ORC" => head.get(3).is_some_and(|&byte| byte < b' ' && !byte.is_ascii_whitespace()),
        b"LZIP" => head.get(4) == Some(&1),
        _ => true,
    }
}

/// Latin letters in UTF-16 are valid UTF-8: each has a zero beside it, always on the same side.
fn is_utf16_without_mark(head: &[u8]) -> bool {
    let zeros = |first: usize| head.iter().skip(first).step_by(2).filter(|&&byte| byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let pairs = head.len() / 2;
    pairs >= 4 && even.max(odd) * 10 >= pairs * 8 && even.min(odd) * 10 <= pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_first_bytes() {
        let of = Appearance::of;
        assert_eq!(of(b""), Appearance::Nothing);
        assert_eq!(of(b"\x1f\x8b\x08\0"), Appearance::Gzip);
        assert_eq!(of(b"\x28\xb5\x2f\xfd\x04"), Appearance::Zstd);
        assert_eq!(of(b"\x53\x2a\x4d\x18\x04\0\0\0abcd"), Appearance::Zstd);
        assert_eq!(of(b"\xfd7zXZ\0\0\x04"), Appearance::Xz);
        assert_eq!(of(b"PAR1\x15\x04"), Appearance::Parquet);
        assert_eq!(of(b"PARE\x15\x04"), Appearance::EncryptedParquet);
        assert_eq!(of(b"BZh91AY&SY\0").words(), "bzip2");
        assert_eq!(of(b"ARROW1\0\0").words(), "an Arrow file");
        assert_eq!(of(&[0; 4096]).words(), "nothing but zeros");
        let mut tar = vec![b'a'; 300];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(of(&tar).words(), "a tar archive");
    }

    #[test]
    fn texts_that_only_begin_alike_are_texts() {
        for text in [
            "BZh is a suffix",
            "ORCHARDS in spring",
            "ORC ",
            "LZIPs",
            "Parquet",
            "{\"text\": 1}",
            "<heading>",
            "\0\0\0\0a",
        ] {
            assert_eq!(Appearance::of(text.as_bytes()), Appearance::Text, "{text}");
        }
    }

    #[test]
    fn wide_characters_are_seen_with_and_without_their_mark() {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
        for text in ["The river was high.", "{\"text\": \"café\"}\n"] {
            assert_eq!(Appearance::of(&wide(text)), Appearance::Utf16);
            assert_eq!(Appearance::of(&big(text)), Appearance::Utf16);
            assert_eq!(Appearance::of(&wide(&format!("\u{feff}{text}"))), Appearance::Utf16);
        }
        assert_eq!(Appearance::of(&wide("\u{feff}河")), Appearance::Utf16);
        assert_eq!(Appearance::of(b"\xff\xfe\0\0T\0\0\0"), Appearance::Utf32);
        assert_eq!(Appearance::of(b"a\0b, a zero within a text"), Appearance::Text);
    }

    #[test]
    fn pages_and_pointers_are_seen_behind_blanks_and_marks() {
        assert_eq!(Appearance::of(b"\n <!DOCTYPE html><html>"), Appearance::Markup);
        assert_eq!(Appearance::of(b"\xef\xbb\xbf<?xml version=\"1.0\"?><Error>"), Appearance::Markup);
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
        assert_eq!(Appearance::of(pointer), Appearance::GitLfsPointer);
    }
}
