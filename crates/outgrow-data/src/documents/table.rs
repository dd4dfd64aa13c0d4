//! Documents out of a column of texts of a parquet file. A page of that column is in memory at a time, so neither the
//! file's size nor its other columns matter.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use outgrow_tokenizer::caught;
use parquet::{
    basic::{ConvertedType, LogicalType, Type as PhysicalType},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{ByteArray, ByteArrayType},
    errors::ParquetError,
    file::reader::{FileReader as _, SerializedFileReader},
    schema::types::{Type, TypePtr},
};

use crate::{
    documents::{
        appearance::Appearance,
        json_text::{TextField, quoted},
        record::{Document, Record},
        stream::{self, Progress},
        values::bad_record,
    },
    error::DataError,
};

/// Rows that are taken from a page at once.
const ROWS_AT_ONCE: usize = 256;
/// Columns named in a message.
const COLUMNS_SHOWN: usize = 12;

/// A parquet file that is being read.
pub(super) struct Table {
    path: PathBuf,
    file: SerializedFileReader<File>,
    progress: Progress,
    /// The column's index among the leaves of the schema.
    column: usize,
    /// The level from which on a value is there; below it is null.
    value_level: i16,
    next_group: usize,
    group: Option<Group>,
    /// Rows given so far.
    row: u64,
    rows: u64,
}

/// A row group that is being read.
struct Group {
    reader: ColumnReaderImpl<ByteArrayType>,
    /// Rows that have not been read from it.
    rows_left: usize,
    value_level: i16,
    levels: Vec<i16>,
    values: Vec<ByteArray>,
    /// Rows and values of the last reading that have been given.
    given: usize,
    values_given: usize,
    read: usize,
}

/// What a row has in the column.
enum Cell {
    Null,
    Value(ByteArray),
}

impl Table {
    /// Opens a file and finds the column.
    ///
    /// # Errors
    /// If it is no parquet file, or has no column of texts of that name.
    pub(crate) fn open(path: &Path, field: &TextField, progress: Progress) -> Result<Self, DataError> {
        match stream::appearance(path)? {
            Appearance::Parquet => {}
            found => return Err(stream::mismatch(path, "parquet", found, stream::advice(found))),
        }
        let file = File::open(path).map_err(DataError::io("open", path))?;
        let file = guarded(|| SerializedFileReader::new(file))
            .map_err(|problem| DataError::BadFile { path: path.to_path_buf(), problem })?;
        let (column, value_level) = text_column(&file, field)
            .map_err(|problem| DataError::BadFile { path: path.to_path_buf(), problem })?;
        let rows = file.metadata().row_groups().iter().map(|group| group.num_rows() as u64).sum();
        let path = path.to_path_buf();
        Ok(Self { path, file, progress, column, value_level, next_group: 0, group: None, row: 0, rows })
    }

    /// The next row's text; a null is an empty one.
    ///
    /// # Errors
    /// If the file can't be read on.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, DataError> {
        loop {
            if let Some(group) = &mut self.group {
                if let Some(cell) = group.take() {
                    self.row += 1;
                    return Ok(Some(self.record(&cell)));
                }
                if group.rows_left > 0 {
                    let read = guarded(|| group.read());
                    read.map_err(|problem| self.broken(problem))?;
                    self.progress.set_part(self.row, self.rows);
                    continue;
                }
                self.group = None;
            }
            if self.next_group == self.file.num_row_groups() {
                return Ok(None);
            }
            let group = guarded(|| Group::open(&self.file, self.next_group, self.column, self.value_level));
            self.group = Some(group.map_err(|problem| self.broken(problem))?);
            self.next_group += 1;
        }
    }

    fn record(&self, cell: &Cell) -> Record {
        let bytes = match cell {
            Cell::Null => &[],
            Cell::Value(value) => value.data(),
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                let place = format!("{}, row {}", self.path.display(), self.row);
                Record::Document(Document { text: text.to_owned(), place }, Vec::new())
            }
            Err(error) => {
                let problem = format!("not UTF-8 (byte {} of the text)", error.valid_up_to() + 1);
                Record::Bad(bad_record(&self.path, "row", self.row, problem))
            }
        }
    }

    fn broken(&self, problem: String) -> DataError {
        DataError::BrokenStream { path: self.path.clone(), after: format!("row {}", self.row), problem }
    }
}

impl Group {
    fn open(
        file: &SerializedFileReader<File>,
        index: usize,
        column: usize,
        value_level: i16,
    ) -> Result<Self, ParquetError> {
        let group = file.get_row_group(index)?;
        let rows_left = usize::try_from(group.metadata().num_rows())
            .map_err(|_| ParquetError::General("a row group has a negative number of rows".into()))?;
        match group.get_column_reader(column)? {
            ColumnReader::ByteArrayColumnReader(reader) => Ok(Self {
                reader,
                rows_left,
                value_level,
                levels: Vec::new(),
                values: Vec::new(),
                given: 0,
                values_given: 0,
                read: 0,
            }),
            _ => Err(ParquetError::General("the column's type changes between row groups".into())),
        }
    }

    /// The next row of those that were read.
    fn take(&mut self) -> Option<Cell> {
        if self.given == self.read {
            return None;
        }
        // A column that can't be null has no levels.
        let is_null = self.levels.get(self.given).is_some_and(|&level| level < self.value_level);
        self.given += 1;
        if is_null {
            return Some(Cell::Null);
        }
        let value = self.values.get_mut(self.values_given).map(std::mem::take)?;
        self.values_given += 1;
        Some(Cell::Value(value))
    }

    fn read(&mut self) -> Result<(), ParquetError> {
        self.levels.clear();
        self.values.clear();
        (self.given, self.values_given) = (0, 0);
        let rows = ROWS_AT_ONCE.min(self.rows_left);
        let (read, ..) = self.reader.read_records(rows, Some(&mut self.levels), None, &mut self.values)?;
        let nulls = self.levels.iter().filter(|&&level| level < self.value_level).count();
        if read == 0 || read != self.values.len() + nulls {
            return Err(ParquetError::General(format!("{} rows of a row group are missing", self.rows_left)));
        }
        self.read = read;
        self.rows_left -= read;
        Ok(())
    }
}

/// The library checks much of a file, but has places where a broken one makes it panic.
fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    match caught(read) {
        Ok(read) => read.map_err(|error| format!("not a parquet file that can be read: {error}")),
        Err(_) => Err("not a parquet file that can be read: the parquet library panics on it".into()),
    }
}

/// The index of the column among the leaves, and the level of its values.
fn text_column(file: &SerializedFileReader<File>, field: &TextField) -> Result<(usize, i16), String> {
    let schema = file.metadata().file_metadata().schema_descr();
    let fields = schema.root_schema().get_fields();
    let (found, path) = if let Some(found) = child(fields, field.name()) {
        (Some(found), vec![field.name()])
    } else {
        let path = field.path().iter().map(String::as_str).collect::<Vec<_>>();
        let (first, rest) =
            path.split_first().map_or((None, &[][..]), |(first, rest)| (child(fields, first), rest));
        (rest.iter().fold(first, |found, name| child(group_fields(found?), name)), path)
    };
    let Some(found) = found else {
        let names =
            fields.iter().take(COLUMNS_SHOWN).map(|column| column.name().to_owned()).collect::<Vec<_>>();
        return Err(format!("no column \"{}\"; the file has [{}]", field.name(), quoted(&names)));
    };
    if fields.iter().filter(|column| path.first() == Some(&column.name())).count() > 1 {
        return Err(format!("has two columns of the name \"{}\"", field.name()));
    }
    is_text(found, field.name())?;
    let column = (0..schema.num_columns()).find(|&index| schema.column(index).path().parts() == path);
    let column = column.ok_or_else(|| format!("no column \"{}\" among its leaves", field.name()))?;
    let descriptor = schema.column(column);
    if descriptor.max_rep_level() > 0 {
        return Err(format!(
            "column \"{}\" is within a list, and has no one text for each row",
            field.name()
        ));
    }
    Ok((column, descriptor.max_def_level()))
}

fn child<'a>(fields: &'a [TypePtr], name: &str) -> Option<&'a TypePtr> {
    fields.iter().find(|field| field.name() == name)
}

fn group_fields(group: &TypePtr) -> &[TypePtr] {
    if group.is_group() { group.get_fields() } else { &[] }
}

fn is_text(column: &Type, name: &str) -> Result<(), String> {
    let info = column.get_basic_info();
    if column.is_group() {
        let is_list = info.converted_type() == ConvertedType::LIST
            || info.logical_type_ref() == Some(&LogicalType::List);
        return Err(if is_list {
            format!("column \"{name}\" is a list, not a text; write its texts as one text, or as a row each")
        } else {
            let inner = column.get_fields().first().map_or("text", |field| field.name());
            format!(
                "column \"{name}\" is a structure, not a text; a field in it is named by a point, as {name}.{inner}"
            )
        });
    }
    let texts = match info.logical_type_ref() {
        Some(LogicalType::String | LogicalType::Json | LogicalType::Enum) => true,
        Some(_) => false,
        // Older writers say it this way, or not at all.
        None => matches!(
            info.converted_type(),
            ConvertedType::NONE | ConvertedType::UTF8 | ConvertedType::JSON | ConvertedType::ENUM
        ),
    };
    if column.get_physical_type() == PhysicalType::BYTE_ARRAY && texts {
        return Ok(());
    }
    let kind = info
        .logical_type_ref()
        .map_or_else(|| column.get_physical_type().to_string(), |kind| format!("{kind:?}"));
    Err(format!("column \"{name}\" holds {kind}, not texts"))
}
