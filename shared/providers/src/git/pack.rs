//! A pack as it comes in, indexed on disk; its objects within limits.
//!
//! Everything here blocks, and works on data of strangers: it runs beside the runtime, and a panic of the libraries ends there.

use gix_hash::{Kind, ObjectId};
use gix_object::Kind as ObjectKind;
use gix_pack::Bundle;
use gix_pack::bundle::write::Options;
use gix_pack::cache::Never;
use gix_utils::progress::Discard;
use gix_zlib::Inflate;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc::Receiver;

/// Objects of one pack: what an index of takes 100 MB of memory for.
const MAX_OBJECTS: u32 = 1_000_000;
/// Longest object, in bytes as it is unpacked: the longest file of a repository that gives no commit without its files.
const MAX_OBJECT_BYTES: usize = 100_000_000;
/// Bytes at the beginning of a pack: its mark, its version and the number of its objects (Git: `gitformat-pack`).
const PACK_HEADER: usize = 12;

/// Why a pack cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PackFault {
    /// It is not in Git's form, or contradicts itself.
    Broken,
    /// There is more of something than is read.
    TooLarge(&'static str),
    /// The time is up.
    Stopped,
    /// The disk is full, or cannot be written.
    Disk,
}

/// A pack that is still coming in.
pub(super) struct Incoming {
    pieces: Receiver<Vec<u8>>,
    piece: io::Cursor<Vec<u8>>,
    stop: Arc<AtomicBool>,
}

impl Incoming {
    pub(super) fn new(pieces: Receiver<Vec<u8>>, stop: Arc<AtomicBool>) -> Self {
        Self { pieces, piece: io::Cursor::default(), stop }
    }
}

impl BufRead for Incoming {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("the time is up"));
        }
        while self.piece.position() == self.piece.get_ref().len() as u64 {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = io::Cursor::new(piece),
                None => return Ok(&[]),
            }
        }
        self.piece.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.piece.consume(amount);
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

/// The objects of a pack.
pub(super) struct Objects {
    bundle: Bundle,
    inflate: Inflate,
    buffer: Vec<u8>,
}

impl Objects {
    /// Writes a pack and its index into a directory.
    pub(super) fn index(mut pack: Incoming, directory: &Path, hash: Kind) -> Result<Self, PackFault> {
        let stop = pack.stop.clone();
        let mut header = [0; PACK_HEADER];
        pack.read_exact(&mut header).map_err(|_| PackFault::Broken)?;
        let [m0, m1, m2, m3, .., a, b, c, d] = header;
        if &[m0, m1, m2, m3] != b"PACK" {
            return Err(PackFault::Broken);
        }
        // Room is made for as many as there are said to be.
        if u32::from_be_bytes([a, b, c, d]) > MAX_OBJECTS {
            return Err(PackFault::TooLarge("it has more than 1,000,000 objects"));
        }
        let mut pack = io::Cursor::new(header).chain(pack);
        let options =
            Options { thread_limit: Some(1), alloc_limit_bytes: Some(MAX_OBJECT_BYTES), ..Options::default() };
        let no_bases_elsewhere = None::<gix_object::find::Never>;
        let progress = &mut Discard;
        let written =
            Bundle::write_to_directory(&mut pack, Some(directory), progress, &stop, no_bases_elsewhere, hash, options);
        let bundle = written.and_then(|written| written.to_bundle().transpose());
        let bundle = bundle.map_err(|error| {
            if stop.load(Ordering::Relaxed) {
                PackFault::Stopped
            } else if error.is_resource_exhausted() {
                PackFault::TooLarge("it has an object of more than 100,000,000 bytes")
            } else if error.downcast_any_ref::<io::Error>().is_some_and(is_of_the_disk) {
                PackFault::Disk
            } else {
                PackFault::Broken
            }
        })?;
        let bundle = bundle.ok_or(PackFault::Broken)?;
        Ok(Self { bundle, inflate: Inflate::default(), buffer: Vec::new() })
    }

    /// The bytes of an object; `None` when it is not in the pack, or is something else.
    pub(super) fn find(&mut self, id: &ObjectId, kind: ObjectKind) -> Result<Option<&[u8]>, PackFault> {
        // An index has ids of one kind only.
        if id.kind() != self.bundle.index.object_hash() {
            return Ok(None);
        }
        let found = self.bundle.find(id, &mut self.buffer, &mut self.inflate, &mut Never);
        let found = found.map_err(|_| PackFault::Broken)?;
        Ok(found.filter(|(data, _place)| data.kind == kind).map(|(data, _place)| data.data))
    }
}

/// Whether our own disk is at fault rather than the pack.
fn is_of_the_disk(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::PermissionDenied)
}
