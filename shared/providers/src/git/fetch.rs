//! Asking a remote for the contents of a commit, and reading what comes out of its frames.
//!
//! Source: the Git documents `gitprotocol-v2` (command `fetch`) and `gitprotocol-pack`.

use super::pkt_line::{Frame, first, write};
use super::refs::value;
use gix_hash::Kind;

/// Lines before the pack that are read: the commits at which history is cut.
const MAX_LINES: usize = 10_000;

/// What a server can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// Whether it speaks the second version of the protocol.
    pub(super) second_version: bool,
    /// Whether it gives one commit without those before it.
    pub(super) shallow: bool,
    /// Whether it leaves out what a filter says.
    pub(super) filter: bool,
    /// Whether it leaves contents out, and gives them one by one: it takes a filter and any object's id.
    pub(super) partial: bool,
    sha256: bool,
}

impl Server {
    /// A server with these capabilities.
    pub(super) fn new(second_version: bool, capabilities: &[String]) -> Self {
        let of_fetch = value(capabilities, "fetch").unwrap_or_default();
        let can = |name: &str| {
            if second_version {
                of_fetch.split(' ').any(|feature| feature == name)
            } else {
                capabilities.iter().any(|one| one == name)
            }
        };
        // In the first version ids are refused that no reference names, unless the server says otherwise.
        let filter = can("filter");
        let partial = filter && (second_version || can("allow-reachable-sha1-in-want"));
        let sha256 = value(capabilities, "object-format") == Some("sha256");
        Self { second_version, shallow: can("shallow"), filter, partial, sha256 }
    }

    /// The kind of its hashes.
    pub(super) fn hash(&self) -> Kind {
        if self.sha256 { Kind::Sha256 } else { Kind::Sha1 }
    }

    /// The question for a commit and those before it, so many in a row where the server can stop there.
    pub(super) fn ask_for_history(&self, commit: &str, depth: usize, filter: Option<&str>) -> Vec<u8> {
        let deepen = self.shallow.then(|| format!("deepen {depth}"));
        self.ask(&[commit], deepen.as_deref(), filter)
    }

    /// The question for a commit: without its history and, where that is possible, without contents of files.
    pub(super) fn ask_for_commit(&self, commit: &str) -> Vec<u8> {
        let filter = self.partial.then_some("filter blob:none");
        self.ask(&[commit], self.shallow.then_some("deepen 1"), filter)
    }

    /// The question for contents of files.
    pub(super) fn ask_for_contents(&self, objects: &[&str]) -> Vec<u8> {
        self.ask(objects, None, None)
    }

    fn ask(&self, objects: &[&str], deepen: Option<&str>, filter: Option<&str>) -> Vec<u8> {
        const AGENT: &str = concat!("agent=repoplane/", env!("CARGO_PKG_VERSION"));
        let mut message = Vec::new();
        if self.second_version {
            write(&mut message, "command=fetch");
            write(&mut message, AGENT);
            if self.sha256 {
                write(&mut message, "object-format=sha256");
            }
            message.extend(b"0001");
            ["no-progress", "ofs-delta"].into_iter().for_each(|line| write(&mut message, line));
        }
        for (index, object) in objects.iter().enumerate() {
            let shallow = if deepen.is_some() { " shallow" } else { "" };
            let filters = if filter.is_some() { " filter" } else { "" };
            let format = if self.sha256 { " object-format=sha256" } else { "" };
            // The first version tells what the client can do with its first wish.
            let tail = if index == 0 && !self.second_version {
                format!(" side-band-64k ofs-delta no-progress{shallow}{filters}{format} {AGENT}")
            } else {
                String::new()
            };
            write(&mut message, &format!("want {object}{tail}"));
        }
        deepen.into_iter().chain(filter).for_each(|line| write(&mut message, line));
        if self.second_version {
            write(&mut message, "done");
            message.extend(b"0000");
        } else {
            message.extend(b"0000");
            write(&mut message, "done");
        }
        message
    }
}

/// Why an answer gives no pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPack {
    /// It is not in Git's form.
    Bad(&'static str),
    /// The remote says no, or that it cannot go on.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    BeforePack,
    InPack,
    After,
}

/// Takes a pack out of an answer's frames, piece by piece.
#[derive(Debug)]
pub(super) struct Unframer {
    second_version: bool,
    place: Place,
    rest: Vec<u8>,
    lines: usize,
}

impl Unframer {
    pub(super) fn new(second_version: bool) -> Self {
        Self { second_version, place: Place::BeforePack, rest: Vec::new(), lines: 0 }
    }

    /// Takes a piece of the answer; what there is of the pack in it is appended to `pack`.
    pub(super) fn take(&mut self, piece: &[u8], pack: &mut Vec<u8>) -> Result<(), NoPack> {
        // What comes after the answer is not looked at.
        if self.place == Place::After {
            return Ok(());
        }
        let mut whole = std::mem::take(&mut self.rest);
        whole.extend_from_slice(piece);
        let mut read = 0;
        while let Some((frame, length)) = first(&whole[read..]).map_err(NoPack::Bad)? {
            self.frame(frame, pack)?;
            if self.place == Place::After {
                return Ok(());
            }
            read += length;
        }
        whole.drain(..read);
        self.rest = whole;
        Ok(())
    }

    /// Whether the answer ended where it should.
    pub(super) fn end(&self) -> Result<(), NoPack> {
        if self.place == Place::After { Ok(()) } else { Err(NoPack::Bad("the remote's answer is cut off")) }
    }

    fn frame(&mut self, frame: Frame<'_>, pack: &mut Vec<u8>) -> Result<(), NoPack> {
        match (self.place, frame) {
            (Place::BeforePack, Frame::Line(line)) => self.line(line.strip_suffix(b"\n").unwrap_or(line)),
            (Place::BeforePack, Frame::Delimiter) if self.second_version => Ok(()),
            // The end of the list of commits at which history is cut.
            (Place::BeforePack, Frame::Flush) if !self.second_version => Ok(()),
            (Place::InPack, Frame::Line([1, data @ ..])) => {
                pack.extend_from_slice(data);
                Ok(())
            }
            // Words for people.
            (Place::InPack, Frame::Line([2, ..])) => Ok(()),
            (Place::InPack, Frame::Line([3, ..])) => Err(NoPack::Refused),
            (Place::InPack, Frame::Flush) => {
                self.place = Place::After;
                Ok(())
            }
            _other => Err(NoPack::Bad("the remote's answer is not one with a pack")),
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), NoPack> {
        self.lines += 1;
        let is_pack =
            if self.second_version { line == b"packfile" } else { line == b"NAK" || line.starts_with(b"ACK ") };
        if is_pack {
            self.place = Place::InPack;
            return Ok(());
        }
        if line.starts_with(b"ERR ") {
            return Err(NoPack::Refused);
        }
        let known = [&b"shallow-info"[..], b"wanted-refs", b"acknowledgments", b"shallow ", b"unshallow "];
        if self.lines > MAX_LINES || !known.iter().any(|known| line.starts_with(known)) {
            return Err(NoPack::Bad("the remote's answer is not one with a pack"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHA: &str = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d";

    fn server(second_version: bool, capabilities: &[&str]) -> Server {
        Server::new(second_version, &capabilities.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    fn asked(server: &Server) -> String {
        String::from_utf8(server.ask_for_commit(SHA)).unwrap()
    }

    #[test]
    fn only_what_the_server_can_is_asked_for() {
        let all = asked(&server(true, &["version 2", "fetch=shallow wait-for-done filter", "object-format=sha1"]));
        assert!(all.contains(&format!("0032want {SHA}\n000ddeepen 1\n0015filter blob:none\n0009done\n0000")), "{all}");
        let least = asked(&server(true, &["fetch"]));
        assert!(!least.contains("deepen") && !least.contains("filter"), "{least}");
        assert!(asked(&server(true, &["fetch", "object-format=sha256"])).contains("0019object-format=sha256"));
        let first = asked(&server(false, &["shallow", "filter", "side-band-64k"]));
        let expected = format!("want {SHA} side-band-64k ofs-delta no-progress shallow agent=repoplane/");
        assert!(first.contains(&expected) && first.ends_with("000ddeepen 1\n00000009done\n"), "{first}");
        let history = |server: Server| String::from_utf8(server.ask_for_history(SHA, 30, None)).unwrap();
        assert!(history(server(true, &["fetch=shallow"])).contains(&format!("want {SHA}\n000edeepen 30\n0009done")));
        assert!(!history(server(true, &["fetch"])).contains("deepen"));
        let partial = asked(&server(false, &["filter", "allow-reachable-sha1-in-want"]));
        assert!(partial.contains(" filter agent=") && partial.contains("filter blob:none\n00000009done"), "{partial}");
    }

    fn frames(lines: &[&[u8]], end: &str) -> Vec<u8> {
        let mut message = Vec::new();
        for line in lines {
            match *line {
                b"0001" => message.extend_from_slice(b"0001"),
                line => {
                    message.extend(format!("{:04x}", line.len() + 4).as_bytes());
                    message.extend_from_slice(line);
                }
            }
        }
        message.extend_from_slice(end.as_bytes());
        message
    }

    fn unframed(second_version: bool, answer: &[u8], piece: usize) -> Result<Vec<u8>, NoPack> {
        let (mut unframer, mut pack) = (Unframer::new(second_version), Vec::new());
        for piece in answer.chunks(piece) {
            unframer.take(piece, &mut pack)?;
        }
        unframer.end().map(|()| pack)
    }

    #[test]
    fn a_pack_is_taken_out_of_both_versions_however_it_is_cut() {
        let shallow = format!("shallow {SHA}\n");
        let second: &[&[u8]] =
            &[b"shallow-info\n", shallow.as_bytes(), b"0001", b"packfile\n", b"\x01PA", b"\x02 10%\n", b"\x01CK\n"];
        let first: &[&[u8]] = &[b"NAK\n", b"\x01PA", b"\x02 10%\n", b"\x01CK\n"];
        let after_shallow = [frames(&[shallow.as_bytes()], "0000"), frames(first, "0000")].concat();
        for piece in [1, 2, 3, 5, 1_000] {
            assert_eq!(unframed(true, &frames(second, "0000"), piece).unwrap(), b"PACK\n");
            assert_eq!(unframed(true, &frames(second, "0000garbage"), piece).unwrap(), b"PACK\n");
            assert_eq!(unframed(false, &after_shallow, piece).unwrap(), b"PACK\n");
            assert_eq!(unframed(false, &frames(first, "0000"), piece).unwrap(), b"PACK\n");
        }
    }

    #[test]
    fn what_is_no_pack_is_named() {
        let no_pack = NoPack::Bad("the remote's answer is not one with a pack");
        let cut = NoPack::Bad("the remote's answer is cut off");
        for (lines, end, expected) in [
            (&[&b"ERR upload-pack: not our ref"[..]][..], "", NoPack::Refused),
            (&[b"packfile\n", b"\x03out of memory"], "", NoPack::Refused),
            (&[b"packfile\n", b"\x01PACK"], "", cut),
            (&[b"packfile\n", b"\x01PACK"], "00", cut),
            (&[b"packfile\n", b"\x07PACK"], "0000", no_pack),
            (&[b"packfile\n"], "0001", no_pack),
            (&[b"hello"], "0000", no_pack),
            (&[], "0000", no_pack),
            (&[], "", cut),
            (&[], "<htm", NoPack::Bad("the remote's answer is not in Git's frames")),
        ] {
            assert_eq!(unframed(true, &frames(lines, end), 1_000), Err(expected), "{lines:?}");
        }
        let endless = frames(&[&b"shallow x"[..]; MAX_LINES + 1], "");
        assert_eq!(unframed(true, &endless, 1_000), Err(no_pack));
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_panic(
            second_version in any::<bool>(),
            answer in prop::collection::vec(any::<u8>(), 0..200),
            piece in 1..50_usize,
        ) {
            let _ = unframed(second_version, &answer, piece);
        }
    }
}
