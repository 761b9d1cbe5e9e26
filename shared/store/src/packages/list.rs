//! One list of packages: how it is stored, and how rows are merged into it.

use super::Fate;
use crate::error::StoreError;
use crate::item::{self, Attributes, Item, VERSION, number, number_of};
use crate::keys;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::bufread::GzDecoder;
use flate2::read::GzEncoder;
use repoplane_domain::id::RepositoryId;
use repoplane_domain::package::{Package, PackageIdentity, PackageKind, Published};
use repoplane_domain::secret::sha256_hex;
use serde::{Deserialize, Serialize};
use serde_json::StreamDeserializer;
use serde_json::de::IoRead;
use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, BufReader, Cursor, Read, Take};

/// Lists of one repository. With [`repoplane_domain::package::MAX_PACKAGES`] a list has about 4,000 packages.
pub(super) const LISTS: u8 = 64;
/// The largest list, in bytes, compressed (DynamoDB: 400 KB an item).
const MAX_LIST_BYTES: usize = 390_000;
/// Bytes that a list may be read to.
const MAX_PLAIN_BYTES: u64 = 64 * 1024 * 1024;
const COUNT: &str = "packages";

/// Bytes of a list that are decompressed at a time; all lists of a repository may be open at once.
const READ_BYTES: usize = 4096;

/// A package as it is stored, one a line: id, name, epoch, version, release, whether it is a source package, project, committer.
#[derive(Serialize, Deserialize)]
struct Row(u64, String, u32, String, String, bool, u64, Option<String>, Option<String>);

/// A list as it was read, still compressed.
pub(super) struct List {
    pub(super) number: u8,
    pub(super) version: u64,
    pub(super) count: usize,
    pub(super) bytes: Vec<u8>,
}

impl List {
    pub(super) fn read(mut item: Attributes) -> Result<Self, StoreError> {
        let broken = || broken(std::io::Error::other("not a list of packages"));
        let number = item::text_of(&item, keys::SK).and_then(keys::parse_packages).ok_or_else(broken)?;
        let (version, count) = (number_of(&item, VERSION), number_of(&item, COUNT));
        match (version, count, item.remove(item::DATA)) {
            (Some(version), Some(count), Some(AttributeValue::B(blob))) => {
                Ok(Self { number, version, count, bytes: blob.into_inner() })
            }
            _ => Err(broken()),
        }
    }

    pub(super) fn packages(&self) -> Result<Vec<Package>, StoreError> {
        Rows::open(&*self.bytes)?.1.collect()
    }

    /// The projects that its packages are of, and its packages one after another.
    pub(super) fn open(self) -> Result<(BTreeSet<u64>, OwnRows), StoreError> {
        Rows::open(Cursor::new(self.bytes))
    }
}

/// The packages of a list in ascending order of their ids, decompressed as they are asked for.
pub(super) struct Rows<R: BufRead>(StreamDeserializer<'static, IoRead<BufReader<Take<GzDecoder<R>>>>, Row>);

/// The packages of a list that nobody else holds.
pub(super) type OwnRows = Rows<Cursor<Vec<u8>>>;

impl<R: BufRead> Rows<R> {
    fn open(bytes: R) -> Result<(BTreeSet<u64>, Self), StoreError> {
        let plain = GzDecoder::new(bytes).take(MAX_PLAIN_BYTES);
        let mut lines = serde_json::Deserializer::from_reader(BufReader::with_capacity(READ_BYTES, plain));
        let projects = BTreeSet::deserialize(&mut lines).map_err(broken)?;
        Ok((projects, Self(lines.into_iter())))
    }
}

impl<R: BufRead> Iterator for Rows<R> {
    type Item = Result<Package, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.0.next()?;
        Some(row.map(Row::into_package).map_err(broken))
    }
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::corrupt("packages", error)
}

impl Row {
    fn of(Package { id, published }: &Package) -> Self {
        let Published { identity, project, committer_name, committer_email } = published.clone();
        let PackageIdentity { name, epoch, version, release, kind } = identity;
        let is_source = kind == PackageKind::Source;
        Self(*id, name, epoch, version, release, is_source, project, committer_name, committer_email)
    }

    fn into_package(self) -> Package {
        let Self(id, name, epoch, version, release, is_source, project, committer_name, committer_email) = self;
        let kind = if is_source { PackageKind::Source } else { PackageKind::Binary };
        let identity = PackageIdentity { name, epoch, version, release, kind };
        Package { id, published: Published { identity, project, committer_name, committer_email } }
    }
}

/// The list that a package belongs to.
pub(super) fn list_of(identity: &PackageIdentity) -> u8 {
    let PackageIdentity { name, epoch, version, release, kind } = identity;
    // None of them holds a slash.
    let hash = sha256_hex(format!("{name}/{epoch}/{version}/{release}/{}", kind.as_str()).as_bytes());
    u8::from_str_radix(&hash[..2], 16).unwrap_or_default() % LISTS
}

/// Puts rows into a list, each with its index: what is there keeps its id, what is new gets the first one plus its index.
/// Afterwards ids ascend, also where an upload that took its ids earlier comes later.
pub(super) fn merge<'r>(
    packages: &mut Vec<Package>,
    rows: impl Iterator<Item = (usize, &'r Published)>,
    first_id: u64,
) -> Vec<(usize, Fate)> {
    let known = packages.iter().enumerate().map(|(place, package)| (package.published.identity.clone(), place));
    let mut places: HashMap<PackageIdentity, usize> = known.collect();
    let mut fates = Vec::new();
    for (index, row) in rows {
        let fate = match places.get(&row.identity) {
            Some(place) if packages[*place].published == *row => Fate::Unchanged,
            Some(place) => {
                packages[*place].published = row.clone();
                Fate::Changed
            }
            None => {
                places.insert(row.identity.clone(), packages.len());
                let id = first_id + u64::try_from(index).unwrap_or_default();
                packages.push(Package { id, published: row.clone() });
                Fate::Added
            }
        };
        fates.push((index, fate));
    }
    packages.sort_unstable_by_key(|package| package.id);
    fates
}

/// A list, compressed: a line with the projects of its packages, so that who reads it knows them before the first row, and
/// a line for each package.
///
/// # Errors
/// [`StoreError::Limit`] when it does not fit into an item.
pub(super) fn encode(packages: &[Package]) -> Result<Vec<u8>, StoreError> {
    let projects: BTreeSet<u64> = packages.iter().map(|package| package.published.project).collect();
    let mut lines = serde_json::to_vec(&projects).map_err(broken)?;
    for package in packages {
        lines.push(b'\n');
        serde_json::to_writer(&mut lines, &Row::of(package)).map_err(broken)?;
    }
    let mut bytes = Vec::new();
    GzEncoder::new(&*lines, flate2::Compression::fast()).read_to_end(&mut bytes).map_err(broken)?;
    if bytes.len() > MAX_LIST_BYTES {
        let text = "the packages of the repository are too many, or their names too long, to be kept".to_owned();
        return Err(StoreError::Limit(text));
    }
    Ok(bytes)
}

/// The item of a list, with how many packages it has.
pub(super) fn item(repository: RepositoryId, list: u8, version: u64, (bytes, count): (Vec<u8>, usize)) -> Item {
    let item = Item::empty(&keys::packages(repository, list)).versioned(version).with(COUNT, number(count));
    item.with(item::DATA, AttributeValue::B(Blob::new(bytes)))
}

#[cfg(test)]
mod tests;
