//! A list in the form in which it is sent: a chunk at a time, or gathered.

use axum::body::Body;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use repoplane_store::StoreError;
use std::io::Write;

/// Chunks of text, compressed if that was asked for.
pub(super) struct Chunks<I> {
    text: I,
    /// Until the last chunk, if they are compressed.
    gzip: Option<GzEncoder<Vec<u8>>>,
}

impl<I> Chunks<I>
where
    I: Iterator<Item = Result<Vec<u8>, StoreError>> + Send + 'static,
{
    /// Of these chunks of text.
    pub(super) fn of(text: I, zipped: bool) -> Self {
        Self { text, gzip: zipped.then(|| GzEncoder::new(Vec::new(), Compression::fast())) }
    }
    /// As a body that is made while it is sent. A list that cannot be read to its end is broken off: its status is sent.
    pub(super) fn stream(self) -> Body {
        Body::from_stream(stream::unfold(self, |mut chunks| async move {
            // A chunk takes a while and waits for nothing: others have their turn between two.
            tokio::task::yield_now().await;
            let chunk = chunks.next()?;
            if let Err(error) = &chunk {
                tracing::error!(
                    error = error as &dyn std::error::Error,
                    "Stored data cannot be read: a list of packages was broken off"
                );
            }
            Some((chunk, chunks))
        }))
    }

    /// As a whole, unless it has more than this in the gateway's form, in bytes.
    pub(super) fn gather(self, most: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let zipped = self.gzip.is_some();
        let (mut bytes, mut escapes) = (Vec::new(), 0);
        for chunk in self {
            let mut chunk = chunk?;
            // Line ends and quotes take a backslash in JSON.
            escapes += chunk.iter().filter(|byte| matches!(byte, b'\n' | b'"' | b'\\')).count();
            bytes.append(&mut chunk);
            let encoded = if zipped { bytes.len().div_ceil(3) * 4 } else { bytes.len() + escapes };
            if encoded > most {
                return Ok(None);
            }
        }
        Ok(Some(bytes))
    }
}

impl<I> Iterator for Chunks<I>
where
    I: Iterator<Item = Result<Vec<u8>, StoreError>>,
{
    type Item = Result<Vec<u8>, StoreError>;

    /// The next chunk. After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let text = match self.text.next() {
                Some(Ok(text)) => text,
                Some(Err(error)) => {
                    self.gzip = None;
                    return Some(Err(error));
                }
                None => return self.gzip.take().map(|gzip| Ok(gzip.finish().unwrap_or_default())),
            };
            let Some(gzip) = &mut self.gzip else { return Some(Ok(text)) };
            // Writing from memory into memory does not fail.
            drop(gzip.write_all(&text));
            let bytes = std::mem::take(gzip.get_mut());
            if !bytes.is_empty() {
                return Some(Ok(bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, Read};

    fn text(parts: &[&str]) -> impl Iterator<Item = Result<Vec<u8>, StoreError>> + Send + 'static {
        parts.iter().map(|part| Ok(part.as_bytes().to_vec())).collect::<Vec<_>>().into_iter()
    }

    fn broken() -> Result<Vec<u8>, StoreError> {
        Err(StoreError::Corrupt { what: "packages", source: Box::new(Error::other("not one")) })
    }

    #[test]
    fn both_forms_are_the_same_list() {
        let parts = ["a,b\n", "", "c,d\n"];
        let plain = Chunks::of(text(&parts), false).gather(100).unwrap().unwrap();
        assert_eq!(plain, b"a,b\nc,d\n");
        let zipped = Chunks::of(text(&parts), true).gather(100).unwrap().unwrap();
        let mut unzipped = Vec::new();
        flate2::read::GzDecoder::new(&*zipped).read_to_end(&mut unzipped).unwrap();
        assert_eq!(unzipped, plain);
    }

    #[test]
    fn a_list_is_measured_in_the_gateways_form() {
        // Two line ends and two quotes are escaped.
        let parts = ["\"a\"\n", "b\n"];
        for (most, fits) in [(9, false), (10, true)] {
            assert_eq!(Chunks::of(text(&parts), false).gather(most).unwrap().is_some(), fits, "{most}");
        }
        let zipped = Chunks::of(text(&parts), true).gather(100).unwrap().unwrap().len().div_ceil(3) * 4;
        for (most, fits) in [(zipped - 1, false), (zipped, true)] {
            assert_eq!(Chunks::of(text(&parts), true).gather(most).unwrap().is_some(), fits, "{most}");
        }
    }

    #[test]
    fn what_is_too_large_is_not_written_to_its_end() {
        let endless = std::iter::repeat_with(|| Ok(b"a,b\n".to_vec()));
        assert!(Chunks::of(endless, false).gather(1_000).unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_read_ends_the_list() {
        for zipped in [false, true] {
            let mut chunks = Chunks::of(text(&["a\n"]).chain([broken()]), zipped);
            let last = chunks.by_ref().find_map(Result::err);
            assert!(last.is_some() && chunks.next().is_none(), "{zipped}");
            assert!(Chunks::of(text(&["a\n"]).chain([broken()]), zipped).gather(100).is_err());
        }
    }
}
