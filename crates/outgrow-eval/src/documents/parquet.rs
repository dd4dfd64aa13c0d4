//! Rows of a parquet file as objects of JSON, in the order of their columns: data sets as they are on the Hugging Face
//! hub. Texts, numbers, truth values, lists and structures of them; what else parquet has is refused by name.

use std::fs::File;

use outgrow_tokenizer::caught;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Map, Value};

/// All rows.
///
/// # Errors
/// What is wrong with the file, in words that name the row, from 1.
pub(crate) fn rows(file: File) -> Result<Vec<Map<String, Value>>, String> {
    // The library checks much of a file, but has places where a broken one makes it panic.
    let read = caught(|| read(file));
    read.unwrap_or_else(|_| Err("the parquet library panics on it".into()))
}

fn read(file: File) -> Result<Vec<Map<String, Value>>, String> {
    let unreadable =
        |error: parquet::errors::ParquetError| format!("not a parquet file that can be read: {error}");
    let reader = SerializedFileReader::new(file).map_err(unreadable)?;
    let mut rows = Vec::new();
    for row in reader.get_row_iter(None).map_err(unreadable)? {
        let row = row.map_err(unreadable).and_then(|row| object(&row));
        rows.push(row.map_err(|problem| format!("row {}: {problem}", rows.len() + 1))?);
    }
    Ok(rows)
}

fn object(row: &Row) -> Result<Map<String, Value>, String> {
    let entry = |(name, field): (&String, &Field)| {
        let value = value(field)
            .map_err(|kind| format!("{name:?} holds {kind}, which no data set of these tasks has"))?;
        Ok((name.clone(), value))
    };
    row.get_column_iter().map(entry).collect()
}

fn value(field: &Field) -> Result<Value, String> {
    Ok(match field {
        Field::Null => Value::Null,
        Field::Bool(value) => (*value).into(),
        Field::Byte(value) => (*value).into(),
        Field::Short(value) => (*value).into(),
        Field::Int(value) => (*value).into(),
        Field::Long(value) => (*value).into(),
        Field::UByte(value) => (*value).into(),
        Field::UShort(value) => (*value).into(),
        Field::UInt(value) => (*value).into(),
        Field::ULong(value) => (*value).into(),
        Field::Float(value) => f64::from(*value).into(),
        Field::Double(value) => (*value).into(),
        Field::Str(value) => value.as_str().into(),
        Field::Group(row) => Value::Object(object(row)?),
        Field::ListInternal(list) => {
            Value::Array(list.elements().iter().map(value).collect::<Result<_, _>>()?)
        }
        Field::Float16(_) => return Err("16-bit numbers".into()),
        Field::Decimal(_) => return Err("decimal numbers".into()),
        Field::Bytes(_) => return Err("bytes".into()),
        Field::Date(_)
        | Field::TimeMillis(_)
        | Field::TimeMicros(_)
        | Field::TimestampMillis(_)
        | Field::TimestampMicros(_) => return Err("times".into()),
        Field::MapInternal(_) => return Err("a map".into()),
    })
}
