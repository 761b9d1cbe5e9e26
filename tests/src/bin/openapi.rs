//! `cargo openapi`: writes the API's document and the table of its operations, as the code and its answers have them now.
#![expect(clippy::print_stdout, reason = "what it prints is its user interface")]

use std::path::Path;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    for (file, text) in repoplane_tests::document::rendered().await {
        let path = root.join(file);
        let changed = std::fs::read_to_string(&path).map_or(true, |before| before != text);
        std::fs::write(path, &text)?;
        println!("{file}: {}", if changed { "written" } else { "unchanged" });
    }
    Ok(())
}
