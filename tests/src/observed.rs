//! The lines that the application writes about its requests.

use crate::TestApp;
use repoplane_api::Observer;
use serde_json::Value;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// Lines as they were written. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the lines").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// The lines since the last time this was asked, each of which must be a JSON object.
    pub fn take(&self) -> Vec<Value> {
        let bytes = std::mem::take(&mut *self.0.lock().expect("the lines"));
        let text = String::from_utf8(bytes).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }
}

impl TestApp {
    /// The same application, which writes a line of every request.
    #[must_use]
    pub fn observed(&self) -> (Self, Lines) {
        let lines = Lines::default();
        (Self { observer: Observer::on("all", "test", lines.clone()), ..self.clone() }, lines)
    }

    /// The same application, which writes its lines where the others of a test do.
    #[must_use]
    pub fn observed_into(&self, lines: impl Write + Send + 'static) -> Self {
        Self { observer: Observer::on("all", "test", lines), ..self.clone() }
    }

    /// Who is told of requests.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }
}
