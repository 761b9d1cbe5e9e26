//! `packages.csv`: the header and the dialect of the contract (abf 4.3).

use super::Package;

/// The header line, exact.
pub const HEADER: [&str; 10] = [
    "Project owner",
    "Project name",
    "Package name",
    "Epoch",
    "Version",
    "Release",
    "Maintainer uname",
    "Maintainer email",
    "Committer uname",
    "Committer email",
];

/// Who maintains a project, or made a commit. What is not known is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Person<'a> {
    /// The name.
    pub uname: &'a str,
    /// The e-mail address.
    pub email: &'a str,
}

/// A package with what its row tells beside it.
#[derive(Debug, Clone, Copy)]
pub struct ListedPackage<'a> {
    /// The package.
    pub package: &'a Package,
    /// Owner and name of its project; empty for one that is gone.
    pub project: (&'a str, &'a str),
    /// Who maintains the project.
    pub maintainer: Person<'a>,
    /// Who made the commit that it was built of.
    pub committer: Person<'a>,
}

/// `packages.csv` being written: commas, LF, quotes only where they are needed.
#[derive(Debug)]
pub struct Listing(csv::Writer<Vec<u8>>);

impl Listing {
    /// With its header.
    pub fn new() -> Self {
        let mut listing = Self(writer());
        listing.line(HEADER);
        listing
    }

    /// Adds a row.
    pub fn push(&mut self, row: &ListedPackage<'_>) {
        let identity = &row.package.published.identity;
        let epoch = if identity.epoch == 0 { String::new() } else { identity.epoch.to_string() };
        let (owner, project) = row.project;
        self.line([
            owner,
            project,
            &identity.name,
            &epoch,
            &identity.version,
            &identity.release,
            row.maintainer.uname,
            row.maintainer.email,
            row.committer.uname,
            row.committer.email,
        ]);
    }

    /// Bytes so far; of what was taken, none.
    pub fn bytes(&mut self) -> usize {
        // Into memory, so that it fails at nothing.
        let flushed = self.0.flush();
        debug_assert!(flushed.is_ok(), "{flushed:?}");
        self.0.get_ref().len()
    }

    /// What was written since the last time, so that it can be sent while the rest is being written.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::replace(self, Self(writer())).finish()
    }

    /// The whole, or what is left of it.
    pub fn finish(self) -> Vec<u8> {
        self.0.into_inner().unwrap_or_default()
    }

    /// Writing into memory fails at nothing, and every line has the fields of the header.
    fn line(&mut self, fields: [&str; HEADER.len()]) {
        let written = self.0.write_record(fields);
        debug_assert!(written.is_ok(), "{written:?}");
    }
}

fn writer() -> csv::Writer<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new();
    writer.terminator(csv::Terminator::Any(b'\n')).quote_style(csv::QuoteStyle::Necessary);
    writer.from_writer(Vec::new())
}

impl Default for Listing {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::{PackageIdentity, PackageKind, Published};

    fn package(name: &str, epoch: u32) -> Package {
        let (version, release) = ("1.190.200".to_owned(), "6".to_owned());
        let identity = PackageIdentity { name: name.to_owned(), epoch, version, release, kind: PackageKind::Source };
        Package { id: 1, published: Published { identity, project: 9, committer_name: None, committer_email: None } }
    }

    #[test]
    fn abf_4_3_the_header_and_the_example_are_the_contracts() {
        let mut listing = Listing::new();
        let ann = Person { uname: "ann", email: "ann@example.org" };
        let bob = Person { uname: "bob", email: "bob@example.org" };
        let project = ("openmandriva", "perl-Foo");
        let first = package("perl-Foo", 0);
        listing.push(&ListedPackage { package: &first, project, maintainer: ann, committer: bob });
        let odd = Person { uname: "Bob \"B\", jr.", email: "" };
        let second = package("perl-Bar", 2);
        listing.push(&ListedPackage { package: &second, project, maintainer: Person::default(), committer: odd });
        let expected = "Project owner,Project name,Package name,Epoch,Version,Release,Maintainer uname,Maintainer email,\
                        Committer uname,Committer email\n\
                        openmandriva,perl-Foo,perl-Foo,,1.190.200,6,ann,ann@example.org,bob,bob@example.org\n\
                        openmandriva,perl-Foo,perl-Bar,2,1.190.200,6,,,\"Bob \"\"B\"\", jr.\",\n";
        assert_eq!(listing.bytes(), expected.len());
        assert_eq!(String::from_utf8(listing.finish()).unwrap(), expected);
    }

    #[test]
    fn what_is_taken_in_parts_is_the_whole() {
        let (first, second) = (package("perl-Foo", 0), package("perl-Bar", 2));
        let row = |package| ListedPackage {
            package,
            project: ("ann", "a"),
            maintainer: Person::default(),
            committer: Person::default(),
        };
        let (mut whole, mut parts) = (Listing::new(), Listing::new());
        let mut taken = Vec::new();
        for package in [&first, &second] {
            whole.push(&row(package));
            parts.push(&row(package));
            taken.append(&mut parts.take());
            assert_eq!(parts.bytes(), 0);
        }
        taken.append(&mut parts.finish());
        assert_eq!(taken, whole.finish());
    }

    #[test]
    fn without_packages_there_is_the_header_alone() {
        let text = String::from_utf8(Listing::new().finish()).unwrap();
        assert_eq!((text.lines().count(), text.ends_with("Committer email\n")), (1, true));
    }
}
