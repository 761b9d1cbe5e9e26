//! Takes the blanks out of the API's document, and the files of the reference page out of the archive that Swagger UI is
//! shipped in. Those stay compressed as they are in it: a gzip header and trailer around the same bytes make them what
//! browsers take.

use std::error::Error;
use std::io::{Cursor, Read};
use std::path::Path;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{CompressionMethod, ZipArchive};

/// The page's files. Its script and style are all that the page needs.
const FILES: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

/// The API's document, written for people to compare; served without its blanks.
const DOCUMENT: &str = "../../docs/openapi.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={DOCUMENT}");
    let folder = std::env::var("OUT_DIR")?;
    let document: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(DOCUMENT)?)?;
    std::fs::write(Path::new(&folder).join("openapi.json"), document.to_string())?;
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for name in FILES {
        let path = archive.file_names().find(|path| path.ends_with(&format!("/dist/{name}"))).map(str::to_owned);
        let path = path.ok_or_else(|| format!("{name} is not in the archive"))?;
        let index = archive.index_for_name(&path).ok_or("a name without a file")?;
        let mut file = archive.by_index_raw(index)?;
        if file.compression() != CompressionMethod::DEFLATE {
            return Err(format!("{name} is not deflated").into());
        }
        // RFC 1952: magic, deflate, no flags, no time, best compression, unknown system.
        let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
        file.read_to_end(&mut gzip)?;
        gzip.extend(file.crc32().to_le_bytes());
        gzip.extend(u32::try_from(file.size())?.to_le_bytes());
        std::fs::write(Path::new(&folder).join(format!("{name}.gz")), gzip)?;
    }
    Ok(())
}
