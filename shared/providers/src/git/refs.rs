//! References in both versions of Git's protocol.

use super::pkt_line::{Frame, frames, write};
use super::{Head, MAX_HEADS, RemoteRefs};
use crate::clean::Cleaner;
use crate::walk::is_object_id;

/// Announces the branches.
const HEADS: &str = "refs/heads/";
/// Capabilities of a server that are read.
const MAX_CAPABILITIES: usize = 100;

/// What `info/refs` was answered with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Advertisement {
    /// The first version: the references themselves.
    Refs(RemoteRefs),
    /// The second: what can be asked for.
    Capabilities(Vec<String>),
}

/// Reads the answer to `info/refs`.
pub(super) fn advertisement(body: &[u8], cleaner: &Cleaner) -> Result<Advertisement, &'static str> {
    let mut frames = frames(body).peekable();
    // Servers may leave the announcement of the service out in the second version.
    if matches!(frames.peek(), Some(Ok(Frame::Line(line))) if line.starts_with(b"# service=")) {
        frames.next();
        if matches!(frames.peek(), Some(Ok(Frame::Flush))) {
            frames.next();
        }
    }
    if matches!(frames.peek(), Some(Ok(Frame::Line(b"version 2")))) {
        let mut capabilities = Vec::new();
        for frame in frames.skip(1) {
            match frame? {
                Frame::Line(line) if capabilities.len() < MAX_CAPABILITIES => {
                    capabilities.push(String::from_utf8_lossy(line).into_owned());
                }
                Frame::Line(_) => {}
                Frame::Flush => return Ok(Advertisement::Capabilities(capabilities)),
                Frame::Delimiter | Frame::End => break,
            }
        }
        return Err("the remote's list of capabilities does not end");
    }
    let mut reader = Reader::new(cleaner);
    let mut symbolic = None;
    for (index, frame) in frames.enumerate() {
        let line = match frame? {
            Frame::Line(b"version 1") if index == 0 => continue,
            Frame::Line(line) => line,
            Frame::Flush => return Ok(Advertisement::Refs(reader.end(symbolic))),
            Frame::Delimiter | Frame::End => break,
        };
        let (reference, capabilities) = match line.iter().position(|byte| *byte == 0) {
            Some(end) => (&line[..end], String::from_utf8_lossy(&line[end + 1..]).into_owned()),
            None => (line, String::new()),
        };
        let mut named = capabilities.split(' ').filter_map(|one| one.strip_prefix("symref=HEAD:"));
        symbolic = symbolic.or_else(|| named.next().map(str::to_owned));
        reader.reference(&text(reference)?)?;
    }
    Err("the remote's list of references does not end")
}

/// The hash of a reference in either version's list, by its whole name.
pub(super) fn hash_of(body: &[u8], name: &str) -> Option<String> {
    frames(body).filter_map(Result::ok).find_map(|frame| {
        let Frame::Line(line) = frame else { return None };
        let reference = line.split(|byte| *byte == 0).next()?;
        let mut parts = reference.split(|byte| *byte == b' ');
        let (hash, found) = (parts.next()?, parts.next()?);
        // A HEAD without a commit has a word in its place.
        let hash = std::str::from_utf8(hash).ok().filter(|hash| is_object_id(hash))?;
        (found == name.as_bytes()).then(|| hash.to_owned())
    })
}

/// What a server of the first version can do.
pub(super) fn first_capabilities(body: &[u8]) -> Vec<String> {
    let lists = frames(body).filter_map(Result::ok).find_map(|frame| match frame {
        Frame::Line(line) => line.iter().position(|byte| *byte == 0).map(|end| &line[end + 1..]),
        Frame::Flush | Frame::Delimiter | Frame::End => None,
    });
    let text = String::from_utf8_lossy(lists.unwrap_or_default()).into_owned();
    text.split(' ').filter(|one| !one.is_empty()).take(MAX_CAPABILITIES).map(str::to_owned).collect()
}

/// What follows a capability's name.
pub(super) fn value<'c>(capabilities: &'c [String], name: &str) -> Option<&'c str> {
    capabilities.iter().find_map(|one| one.strip_prefix(name)?.strip_prefix('='))
}

/// The question for HEAD and the branches whose names begin so, in the second version.
pub(super) fn ls_refs(capabilities: &[String], branches: &str) -> Vec<u8> {
    let value = |name: &str| value(capabilities, name);
    let mut message = Vec::new();
    write(&mut message, "command=ls-refs");
    write(&mut message, concat!("agent=repoplane/", env!("CARGO_PKG_VERSION")));
    // A server with hashes of another kind demands to be told that they are understood.
    if value("object-format") == Some("sha256") {
        write(&mut message, "object-format=sha256");
    }
    message.extend(b"0001");
    write(&mut message, "symrefs");
    // Names the branch of a repository without commits.
    if value("ls-refs").is_some_and(|features| features.split(' ').any(|feature| feature == "unborn")) {
        write(&mut message, "unborn");
    }
    write(&mut message, "ref-prefix HEAD");
    write(&mut message, &format!("ref-prefix {HEADS}{branches}"));
    message.extend(b"0000");
    message
}

/// Reads the answer to [`ls_refs`].
pub(super) fn result(body: &[u8], cleaner: &Cleaner) -> Result<RemoteRefs, &'static str> {
    let mut reader = Reader::new(cleaner);
    let mut symbolic = None;
    for frame in frames(body) {
        let line = match frame? {
            Frame::Line(line) => text(line)?,
            Frame::Flush => return Ok(reader.end(symbolic)),
            Frame::Delimiter | Frame::End => break,
        };
        if line.starts_with("ERR ") {
            return Err("the remote refuses to list its references");
        }
        let mut parts = line.split(' ');
        let (hash, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if name == "HEAD" {
            symbolic = parts.find_map(|part| part.strip_prefix("symref-target:")).map(str::to_owned);
        }
        if hash != "unborn" {
            reader.reference(&format!("{hash} {name}"))?;
        }
    }
    Err("the remote's list of references does not end")
}

fn text(line: &[u8]) -> Result<String, &'static str> {
    // Git takes any bytes in a name; what is no text is shown as such.
    let text = String::from_utf8_lossy(line);
    if text.contains('\0') {
        Err("the remote's list of references is not in Git's form")
    } else {
        Ok(text.into_owned())
    }
}

/// Collects branches.
struct Reader<'a> {
    cleaner: &'a Cleaner,
    refs: RemoteRefs,
}

impl<'a> Reader<'a> {
    fn new(cleaner: &'a Cleaner) -> Self {
        Self { cleaner, refs: RemoteRefs::default() }
    }

    /// Takes `<hash> <name>`; only branches count.
    fn reference(&mut self, line: &str) -> Result<(), &'static str> {
        let (sha, name) = line.split_once(' ').filter(|(hash, _)| is_object_id(hash)).ok_or_else(|| {
            if line.starts_with("ERR ") {
                "the remote refuses to list its references"
            } else {
                "the remote's list of references is not in Git's form"
            }
        })?;
        if let Some(name) = name.strip_prefix(HEADS) {
            let heads = &mut self.refs.heads;
            heads.total += 1;
            if heads.items.len() < MAX_HEADS {
                heads.items.push(Head { name: self.cleaner.text(name), sha: sha.to_owned() });
            }
        }
        Ok(())
    }

    fn end(mut self, symbolic: Option<String>) -> RemoteRefs {
        let branch = symbolic.as_deref().and_then(|name| name.strip_prefix(HEADS));
        self.refs.default_branch = branch.map(|name| self.cleaner.text(name));
        self.refs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHA: &str = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d";

    fn message(lines: &[&str], end: &str) -> Vec<u8> {
        let mut message = Vec::new();
        lines.iter().for_each(|line| write(&mut message, line));
        message.extend(end.as_bytes());
        message
    }

    fn of_v0(lines: &[&str]) -> Result<Advertisement, &'static str> {
        let mut body = message(&["# service=git-upload-pack"], "0000");
        body.extend(message(lines, "0000"));
        advertisement(&body, &Cleaner::default())
    }

    fn heads(names: &[&str]) -> crate::meta::Heads {
        let head = |name: &&str| Head { name: (*name).to_owned(), sha: SHA.to_owned() };
        crate::meta::Heads { items: names.iter().map(head).collect(), total: names.len() }
    }

    #[test]
    fn the_first_version_is_read() {
        let first = format!("{SHA} HEAD\0multi_ack symref=HEAD:refs/heads/main agent=git/2.47");
        let (main, other, tag) =
            (format!("{SHA} refs/heads/main"), format!("{SHA} refs/heads/a/b"), format!("{SHA} refs/tags/v1"));
        let default_branch = Some("main".to_owned());
        let expected = RemoteRefs { default_branch, heads: heads(&["a/b", "main"]) };
        assert_eq!(of_v0(&[&first, &other, &main, &tag]), Ok(Advertisement::Refs(expected.clone())));
        assert_eq!(of_v0(&["version 1", &first, &other, &main, &tag]), Ok(Advertisement::Refs(expected)));
        let empty = format!("{} capabilities^{{}}\0agent=git/2.47", "0".repeat(40));
        assert_eq!(of_v0(&[&empty]), Ok(Advertisement::Refs(RemoteRefs::default())));
        assert_eq!(of_v0(&["<html>"]), Err("the remote's list of references is not in Git's form"));
        assert_eq!(of_v0(&["ERR access denied"]), Err("the remote refuses to list its references"));
        let cut = message(&[&main], "");
        assert_eq!(advertisement(&cut, &Cleaner::default()), Err("the remote's list of references does not end"));
    }

    #[test]
    fn the_second_version_asks_for_what_the_server_can_tell() {
        let body = message(&["version 2", "agent=git/2.47", "ls-refs=unborn", "object-format=sha256"], "0000");
        let Ok(Advertisement::Capabilities(capabilities)) = advertisement(&body, &Cleaner::default()) else {
            panic!("no capabilities")
        };
        let question = String::from_utf8(ls_refs(&capabilities, "")).unwrap();
        assert!(question.contains("0019object-format=sha256\n0001000csymrefs\n000bunborn\n"), "{question:?}");
        assert!(question.ends_with("0014ref-prefix HEAD\n001bref-prefix refs/heads/\n0000"), "{question:?}");
        let question = String::from_utf8(ls_refs(&["ls-refs".to_owned()], "")).unwrap();
        assert!(!question.contains("unborn") && !question.contains("object-format"), "{question:?}");
    }

    #[test]
    fn the_second_version_is_read() {
        let read = |lines: &[&str]| result(&message(lines, "0000"), &Cleaner::default());
        let (head, main) = (format!("{SHA} HEAD symref-target:refs/heads/main"), format!("{SHA} refs/heads/main"));
        let detached = format!("{SHA} HEAD");
        let main_branch = Some("main".to_owned());
        for (lines, default_branch, names) in [
            (&[head.as_str(), &main][..], main_branch.clone(), &["main"][..]),
            (&[&detached, &main], None, &["main"]),
            (&["unborn HEAD symref-target:refs/heads/main"], main_branch, &[]),
            (&[], None, &[]),
        ] {
            assert_eq!(read(lines), Ok(RemoteRefs { default_branch, heads: heads(names) }), "{lines:?}");
        }
        assert_eq!(read(&["nonsense"]), Err("the remote's list of references is not in Git's form"));
    }

    #[test]
    fn one_reference_is_found_by_its_whole_name() {
        let other = "a".repeat(40);
        let first = format!("{SHA} HEAD\0shallow side-band-64k object-format=sha1");
        let (main, longer) = (format!("{SHA} refs/heads/main"), format!("{other} refs/heads/main2"));
        let v2 = format!("{other} HEAD symref-target:refs/heads/main");
        for (lines, name, expected) in [
            (vec![first.as_str(), &longer, &main], "refs/heads/main", Some(SHA)),
            (vec![&first, &longer, &main], "HEAD", Some(SHA)),
            (vec![&v2, &longer], "HEAD", Some(other.as_str())),
            (vec![&v2, &longer], "refs/heads/main", None),
            (vec!["unborn HEAD symref-target:refs/heads/main"], "HEAD", None),
        ] {
            assert_eq!(hash_of(&message(&lines, "0000"), name).as_deref(), expected, "{name} of {lines:?}");
        }
        let capabilities = first_capabilities(&message(&["# service=x", &first, &main], "0000"));
        assert_eq!(capabilities, ["shallow", "side-band-64k", "object-format=sha1"]);
        assert_eq!(value(&capabilities, "object-format"), Some("sha1"));
    }

    #[test]
    fn many_branches_are_counted_and_not_all_kept() {
        let lines: Vec<String> = (0..=MAX_HEADS).map(|number| format!("{SHA} refs/heads/b{number}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let refs = result(&message(&lines, "0000"), &Cleaner::default()).unwrap();
        assert_eq!((refs.heads.items.len(), refs.heads.total), (MAX_HEADS, MAX_HEADS + 1));
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = advertisement(&body, &Cleaner::default());
            let _ = result(&body, &Cleaner::default());
        }

        #[test]
        fn any_lines_end_without_panic(lines in prop::collection::vec("\\PC{0,60}", 0..8)) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let _ = of_v0(&lines);
            let _ = result(&message(&lines, "0000"), &Cleaner::default());
        }
    }
}
