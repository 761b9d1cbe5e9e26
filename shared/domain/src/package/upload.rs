//! Uploads: many packages by one body, as NDJSON or as CSV.
//!
//! Every wrong row is named by its line, up to a bound, and one wrong row refuses the whole: an upload is repeated as it is.

use super::Published;
use super::row::{self, COLUMNS, NUMBERS};
use crate::error::{DomainError, FieldErrors};
use serde_json::{Map, Value};

/// The largest upload, in bytes: it fits into what a function can be sent, base64 and all (AWS Lambda: 6 MB).
pub const MAX_UPLOAD_BYTES: usize = 4_500_000;
/// Rows of one upload.
pub const MAX_UPLOAD_ROWS: usize = 50_000;
/// Wrong rows that are named.
pub const MAX_WRONG_ROWS: usize = 50;
/// The longest row, in bytes: more than all fields at their longest, escaped.
const MAX_ROW_BYTES: usize = 8 * 1024;

/// How an upload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadForm {
    /// One JSON object a line.
    Ndjson,
    /// A header line that names the columns, and a line for each package (RFC 4180).
    Csv,
}

impl UploadForm {
    /// The form of a media type, without its parameters.
    pub fn of_media_type(essence: &str) -> Option<Self> {
        match essence.to_ascii_lowercase().as_str() {
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Self::Ndjson),
            "text/csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// The packages of an upload, in its order.
///
/// # Errors
/// [`DomainError::Invalid`] with the wrong rows, each by its line from 1; [`DomainError::TooLarge`] over [`MAX_UPLOAD_BYTES`]
/// or [`MAX_UPLOAD_ROWS`].
pub fn read_upload(form: UploadForm, body: &[u8]) -> Result<Vec<Published>, DomainError> {
    if body.len() > MAX_UPLOAD_BYTES {
        return Err(DomainError::TooLarge(format!("an upload has at most {MAX_UPLOAD_BYTES} bytes")));
    }
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut rows = Rows::default();
    match form {
        UploadForm::Ndjson => rows.read_ndjson(body)?,
        UploadForm::Csv => rows.read_csv(body)?,
    }
    if rows.read.is_empty() && rows.errors.is_empty() {
        rows.errors.push("", "the upload has no rows");
    }
    rows.errors.into_result(rows.read)
}

#[derive(Default)]
struct Rows {
    read: Vec<Published>,
    errors: FieldErrors,
    wrong: usize,
    count: usize,
}

impl Rows {
    fn read_ndjson(&mut self, body: &[u8]) -> Result<(), DomainError> {
        for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let number = index + 1;
            let go_on = match serde_json::from_slice(line) {
                _ if line.len() > MAX_ROW_BYTES => self.broken(number, &too_long())?,
                Ok(value) => self.row(number, &value)?,
                // The parser's own text would tell a line that is always 1.
                Err(_) => self.broken(number, "is no JSON object")?,
            };
            if !go_on {
                break;
            }
        }
        Ok(())
    }

    fn read_csv(&mut self, body: &[u8]) -> Result<(), DomainError> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(body);
        let columns = match reader.byte_headers() {
            Ok(header) => header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect::<Vec<_>>(),
            Err(_) => Vec::new(),
        };
        self.check_header(&columns);
        if !self.errors.is_empty() {
            return Ok(());
        }
        let mut record = csv::ByteRecord::new();
        // Reading bytes that are in memory fails at nothing: rows may have any number of fields.
        while let Ok(true) = reader.read_byte_record(&mut record) {
            let line = record.position().map_or(0, csv::Position::line);
            let number = usize::try_from(line).unwrap_or(usize::MAX);
            let go_on = if record.as_slice().len() > MAX_ROW_BYTES {
                self.broken(number, &too_long())?
            } else if record.len() != columns.len() {
                let text = format!("has {} fields; the header names {}", record.len(), columns.len());
                self.broken(number, &text)?
            } else if record.iter().any(|field| std::str::from_utf8(field).is_err()) {
                self.broken(number, "is not UTF-8")?
            } else {
                let fields = columns.iter().zip(&record).filter(|(_, field)| !field.is_empty());
                let object: Map<String, Value> =
                    fields.map(|(column, field)| (column.clone(), cell(column, field))).collect();
                self.row(number, &Value::Object(object))?
            };
            if !go_on {
                break;
            }
        }
        Ok(())
    }

    fn check_header(&mut self, columns: &[String]) {
        for (index, column) in columns.iter().enumerate() {
            let shown: String = column.chars().take(40).collect();
            if !COLUMNS.contains(&column.as_str()) {
                self.errors
                    .push("", format!("line 1: unknown column {shown:?}; the columns are {}", COLUMNS.join(", ")));
            } else if columns[..index].contains(column) {
                self.errors.push("", format!("line 1: column {shown:?} is there twice"));
            }
            if self.errors.as_slice().len() >= MAX_WRONG_ROWS {
                return;
            }
        }
        for needed in ["projectId", "name", "version", "release", "type"] {
            if !columns.iter().any(|column| column == needed) {
                self.errors.push("", format!("line 1: column \"{needed}\" is missing"));
            }
        }
    }

    /// Takes a row; `false` when no more are to be looked at.
    fn row(&mut self, line: usize, value: &Value) -> Result<bool, DomainError> {
        self.one_more()?;
        let mut errors = FieldErrors::new();
        let row = row::read(value, String::new(), &mut errors);
        if errors.is_empty() {
            // Of an upload with a wrong row nothing is kept.
            if self.wrong == 0 {
                self.read.push(row);
            }
            return Ok(true);
        }
        for error in errors.as_slice() {
            self.errors.push(self.pointer(&error.pointer), format!("line {line}: {}", error.message));
        }
        Ok(self.one_more_wrong())
    }

    fn broken(&mut self, line: usize, what: &str) -> Result<bool, DomainError> {
        self.one_more()?;
        self.errors.push(self.pointer(""), format!("line {line}: {what}"));
        Ok(self.one_more_wrong())
    }

    /// The place of a field of the row that is being read, among the rows from 0.
    fn pointer(&self, field: &str) -> String {
        format!("/{}{field}", self.count - 1)
    }

    fn one_more(&mut self) -> Result<(), DomainError> {
        self.count += 1;
        if self.count > MAX_UPLOAD_ROWS {
            return Err(DomainError::TooLarge(format!(
                "an upload has at most {MAX_UPLOAD_ROWS} rows; send it in parts"
            )));
        }
        Ok(())
    }

    fn one_more_wrong(&mut self) -> bool {
        self.wrong += 1;
        if self.wrong == MAX_WRONG_ROWS {
            self.errors.push("", format!("there may be more wrong rows than the first {MAX_WRONG_ROWS}"));
        }
        self.wrong < MAX_WRONG_ROWS
    }
}

fn too_long() -> String {
    format!("may have at most {MAX_ROW_BYTES} bytes")
}

/// A field as JSON would have it. What is no number stays a text, and is refused as one.
fn cell(column: &str, field: &[u8]) -> Value {
    let text = String::from_utf8_lossy(field);
    let number = NUMBERS.contains(&column).then(|| text.trim().parse::<u64>().ok()).flatten();
    number.map_or_else(|| Value::from(text.as_ref()), Value::from)
}

#[cfg(test)]
mod tests;
