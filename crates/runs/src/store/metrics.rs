//! The metrics file: a long table in Parquet, one row per observation.
//!
//! Columns `run` (string), `step` (int64), `metric` (string), `value` (double), none nullable.
//! The file repeats the run in each row so that a reader can concatenate the files of a whole
//! store; the dictionary makes that free.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use super::{Row, RunId, seal};

/// Contents of a metrics file.
pub(super) struct Metrics {
    /// Observations, in the order in which they were made.
    pub(super) rows: Vec<Row>,
    /// Key-value metadata of the file, such as `windtunnel.numerics`.
    pub(super) labels: BTreeMap<String, String>,
}

const SCHEMA: &str = "message metrics {
    required binary run (STRING);
    required int64 step;
    required binary metric (STRING);
    required double value;
}";
/// Columns, in the order of the schema.
const RUN: usize = 0;
const STEP: usize = 1;
const METRIC: usize = 2;
const VALUE: usize = 3;
/// Largest number of rows in a row group. Runs of usual size have one group, and a reader needs
/// little memory for larger ones.
const ROWS_PER_GROUP: usize = 1 << 20;

/// The bytes of the file; the same arguments give the same bytes.
pub(super) fn encode(
    id: &RunId,
    rows: &[Row],
    labels: &BTreeMap<String, String>,
) -> Result<Vec<u8>, String> {
    if labels.contains_key(seal::KEY) {
        return Err(format!("the label `{}` is reserved", seal::KEY));
    }
    let mut bytes = write(id, rows, labels).map_err(|e| e.to_string())?;
    seal::close(&mut bytes)?;
    Ok(bytes)
}

/// Contents of the file of run `id`.
pub(super) fn decode(id: &RunId, bytes: Vec<u8>) -> Result<Metrics, String> {
    seal::check(&bytes)?;
    read(id, bytes.into()).map_err(|e| e.to_string())
}

fn write(
    id: &RunId,
    rows: &[Row],
    labels: &BTreeMap<String, String>,
) -> Result<Vec<u8>, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let properties = Arc::new(properties(labels));
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties)?;
    for rows in rows.chunks(ROWS_PER_GROUP) {
        let mut group = writer.next_row_group()?;
        write_group(&mut group, id, rows)?;
        group.close()?;
    }
    writer.into_inner()
}

fn properties(labels: &BTreeMap<String, String>) -> WriterProperties {
    let column = |name: &str| ColumnPath::from(name);
    let entry = |(key, value): (&String, &String)| KeyValue::new(key.clone(), value.clone());
    let mut entries: Vec<KeyValue> = labels.iter().map(entry).collect();
    entries.push(KeyValue::new(seal::KEY.to_owned(), seal::PLACEHOLDER.to_owned()));
    WriterProperties::builder()
        .set_key_value_metadata(Some(entries))
        .set_statistics_enabled(EnabledStatistics::Page)
        // Strings keep the default, a dictionary.
        .set_column_dictionary_enabled(column("step"), false)
        .set_column_encoding(column("step"), Encoding::DELTA_BINARY_PACKED)
        // Almost all values are distinct, and plain ones keep the sign of zero and the bits of NaN.
        .set_column_dictionary_enabled(column("value"), false)
        .set_column_encoding(column("value"), Encoding::PLAIN)
        .build()
}

/// Writes the columns, in the order of the schema.
fn write_group<W: std::io::Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    id: &RunId,
    rows: &[Row],
) -> Result<(), ParquetError> {
    let steps = rows.iter().map(|row| i64::try_from(row.step)).collect::<Result<Vec<_>, _>>();
    let steps = steps.map_err(|_| ParquetError::General("a step exceeds i64::MAX".into()))?;
    let metrics: Vec<ByteArray> = rows.iter().map(|row| row.metric.as_str().into()).collect();
    let values: Vec<f64> = rows.iter().map(|row| row.value).collect();
    write_column::<ByteArrayType, W>(group, &vec![id.as_str().into(); rows.len()])?;
    write_column::<Int64Type, W>(group, &steps)?;
    write_column::<ByteArrayType, W>(group, &metrics)?;
    write_column::<DoubleType, W>(group, &values)
}

fn write_column<T: DataType, W: std::io::Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("the schema has fewer columns".into());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()
}

fn read(id: &RunId, bytes: Bytes) -> Result<Metrics, ParquetError> {
    let file = SerializedFileReader::new(bytes)?;
    let mut rows = Vec::new();
    for group in 0..file.num_row_groups() {
        rows.extend(read_group(&*file.get_row_group(group)?, id)?);
    }
    let entries = file.metadata().file_metadata().key_value_metadata();
    let labels = entries.into_iter().flatten().filter(|entry| entry.key != seal::KEY);
    let pair = |entry: &KeyValue| (entry.key.clone(), entry.value.clone().unwrap_or_default());
    Ok(Metrics { rows, labels: labels.map(pair).collect() })
}

fn read_group(group: &dyn RowGroupReader, id: &RunId) -> Result<Vec<Row>, ParquetError> {
    let wrong = |what: String| ParquetError::General(what);
    let runs = read_column::<ByteArrayType>(group, RUN)?;
    if let Some(run) = runs.iter().find(|run| run.data() != id.as_str().as_bytes()) {
        return Err(wrong(format!("it has rows of run {:?}", run.as_utf8()?)));
    }
    let steps = read_column::<Int64Type>(group, STEP)?;
    let metrics = read_column::<ByteArrayType>(group, METRIC)?;
    let values = read_column::<DoubleType>(group, VALUE)?;
    let row = |((step, metric), value): ((i64, ByteArray), f64)| {
        let step = u64::try_from(step).map_err(|_| wrong(format!("step {step} is negative")))?;
        Ok(Row::new(step, metric.as_utf8()?, value))
    };
    steps.into_iter().zip(metrics).zip(values).map(row).collect()
}

fn read_column<T: DataType>(
    group: &dyn RowGroupReader,
    column: usize,
) -> Result<Vec<T::T>, ParquetError> {
    let len = group.metadata().num_rows() as usize;
    let mut reader = get_typed_column_reader::<T>(group.get_column_reader(column)?);
    let mut values = Vec::with_capacity(len);
    reader.read_records(len, None, None, &mut values)?;
    if values.len() == len {
        Ok(values)
    } else {
        Err(ParquetError::General(format!("column {column} has {} of {len} rows", values.len())))
    }
}
