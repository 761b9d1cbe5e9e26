//! The newest commits of a plain Git remote: fetched as far back as a page goes, and read from the pack.

use super::asker::{self, Asker, Begun};
use super::pack::{Objects, PackFault};
use super::walk::{Failure, Walk, cause, fault};
use super::{MAX_HEADS, Remote, refs};
use crate::clean::Cleaner;
use crate::egress::Egress;
use crate::error::ProviderError;
use crate::history::{HISTORY_PAGE, HistoryCommit, MAX_COMMIT_MESSAGE, NamedBranch, Start};
use crate::providers::Providers;
use crate::target::Answered;
use crate::walk::BranchHead;
use encoding_rs::{Encoding, UTF_8};
use gix_hash::ObjectId;
use gix_object::{CommitRefIter, Kind as ObjectKind};
use jiff::Timestamp;
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::Provider;
use std::sync::atomic::{AtomicBool, Ordering};

/// Leaves everything but commits out (Git: `rev-list --filter`).
const NO_TREES: &str = "filter tree:0";
/// Leaves contents of files out.
const NO_CONTENTS: &str = "filter blob:none";
/// Bytes of a message that are looked at: enough for a whole one after what cannot be shown is gone.
const MAX_READ_MESSAGE: usize = 1_000_000;
/// First second of the year 0, before which RFC 3339 has no dates.
const FIRST_SECOND: i64 = -62_167_219_200;

/// A page of commits, which follows first parents.
pub(crate) async fn history(
    providers: &Providers,
    provider: Provider,
    remote: &str,
    access: &GitAccess,
    start: &Start,
) -> Result<Answered<Vec<HistoryCommit>>, ProviderError> {
    let Begun { asker, server, offered, rate_limit } =
        asker::begin(&providers.egress, provider, remote, access).await?;
    let answered = |value| Ok(Answered { value, rate_limit });
    let Some(newest) = newest(&asker, &offered, provider, start).await? else {
        asker.leave().await;
        return answered(start.of_nothing(provider)?);
    };
    // A hash of the other kind is one of no commit here.
    if newest.kind() != server.hash() {
        asker.leave().await;
        return Err(start.unknown(provider));
    }
    let walk = Walk::new(asker, server, providers.scratch.as_deref())?;
    let failure = match page(&walk, newest).await {
        Ok(commits) if !commits.is_empty() => return answered(commits),
        // What has this id is something else.
        Ok(_none) => Failure::Refused,
        Err(failure) => failure,
    };
    match (start, failure) {
        (Start::Commit(_), Failure::Refused) => {
            let (_, all) = walk.remote.list(&offered, "").await?;
            walk.remote.leave().await;
            if all.heads.total > 0 { Err(start.unknown(provider)) } else { answered(start.of_nothing(provider)?) }
        }
        (Start::DefaultBranch | Start::Branch(_) | Start::Commit(_), failure) => {
            let branch = start.named().map(str::to_owned);
            let head = BranchHead { branch, commit: newest.to_string() };
            Err(cause(failure, providers, provider, remote, access, &head).await)
        }
    }
}

/// The commit that a page begins with; `None` where there is no commit on any branch.
async fn newest(
    asker: &Asker<'_>,
    offered: &[u8],
    provider: Provider,
    start: &Start,
) -> Result<Option<ObjectId>, ProviderError> {
    let parsed = |id: &str| ObjectId::from_hex(id.as_bytes()).map_err(|_| asker.bad("the commit's id is not a hash"));
    let branch = match start {
        Start::Commit(id) => return Ok(Some(parsed(id)?)),
        Start::Branch(name) => Some(name.as_str()),
        Start::DefaultBranch => None,
    };
    let (body, listed) = asker.list(offered, branch.unwrap_or_default()).await?;
    let name = branch.map_or_else(|| "HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
    if let Some(commit) = refs::hash_of(&body, &name) {
        return Ok(Some(parsed(&commit)?));
    }
    // Only the branches that were asked for are known; whether there is any other tells what is wrong.
    let all = if branch.is_some() { asker.list(offered, "").await?.1 } else { listed };
    if all.heads.total == 0 {
        return Ok(None);
    }
    asker.leave().await;
    let missing = branch.or(all.default_branch.as_deref()).unwrap_or("HEAD");
    Err(ProviderError::no_branch(provider, missing))
}

async fn page(walk: &Walk<'_>, newest: ObjectId) -> Result<Vec<HistoryCommit>, Failure> {
    let ask = |filter| walk.server.ask_for_history(&newest.to_string(), HISTORY_PAGE, filter);
    let objects = match walk.fetch(newest, ask(walk.server.filter.then_some(NO_TREES))).await {
        // A server may take some filters and not others (Git: `uploadpackfilter.<filter>.allow`), and does not say which.
        Err(Failure::Refused) if walk.server.filter => walk.fetch(newest, ask(Some(NO_CONTENTS))).await?,
        fetched => fetched?,
    };
    let (cleaner, stop) = (walk.remote.cleaner().clone(), walk.stop());
    let read = walk.beside(move || {
        let mut objects = objects;
        first_parents(&mut objects, newest, &cleaner, &stop)
    });
    Ok(read.await?.map_err(|pack| fault(&walk.remote, pack))?)
}

/// A commit and its first parents, as far as the pack has them.
fn first_parents(
    objects: &mut Objects,
    newest: ObjectId,
    cleaner: &Cleaner,
    stop: &AtomicBool,
) -> Result<Vec<HistoryCommit>, PackFault> {
    let (mut commits, mut next) = (Vec::new(), Some(newest));
    while let Some(id) = next.filter(|_| commits.len() < HISTORY_PAGE) {
        if stop.load(Ordering::Relaxed) {
            return Err(PackFault::Stopped);
        }
        let Some(data) = objects.find(&id, ObjectKind::Commit)? else { break };
        let parent = CommitRefIter::from_bytes(data, id.kind()).parent_ids().next();
        commits.push(read(&id, data, parent, cleaner)?);
        next = parent;
    }
    Ok(commits)
}

fn read(id: &ObjectId, data: &[u8], parent: Option<ObjectId>, cleaner: &Cleaner) -> Result<HistoryCommit, PackFault> {
    let fields = || CommitRefIter::from_bytes(data, id.kind());
    fields().tree_id().map_err(|_| PackFault::Broken)?;
    // No line of the head is blank.
    let end = data.windows(2).position(|pair| pair == b"\n\n").unwrap_or(data.len());
    let (head, message) = (&data[..end], data.get(end + 2..).unwrap_or_default());
    let encoding = head.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"encoding "));
    let encoding = encoding.and_then(Encoding::for_label).unwrap_or(UTF_8);
    // A commit whose maker cannot be read is one all the same.
    let author = fields().author().ok();
    let name = author.map(|author| cleaner.text(&encoding.decode_without_bom_handling(author.name).0));
    let time = fields().committer().or_else(|_| fields().author()).ok();
    Ok(HistoryCommit {
        id: id.to_string(),
        author_name: name.unwrap_or_default(),
        date: time.and_then(|by| date(by.time)),
        message: text(message, encoding, cleaner),
        parent: parent.map(|parent| parent.to_string()),
    })
}

/// A message as text; what is no text in its encoding is shown as such.
fn text(message: &[u8], encoding: &'static Encoding, cleaner: &Cleaner) -> String {
    let read = &message[..message.len().min(MAX_READ_MESSAGE)];
    let mut text = cleaner.lines(&encoding.decode_without_bom_handling(read).0, MAX_COMMIT_MESSAGE);
    // Hardly anything of so much can be shown, and the last word may be half of a token.
    if read.len() < message.len() && text.len() < MAX_COMMIT_MESSAGE - char::MAX.len_utf8() {
        text.truncate(text.rfind(char::is_whitespace).unwrap_or_default());
    }
    text
}

/// Git's time, seconds and an offset, in the form of RFC 3339.
fn date(time: &str) -> Option<String> {
    let seconds: i64 = time.split_ascii_whitespace().next()?.parse().ok()?;
    let moment = Timestamp::from_second(seconds).ok().filter(|_| seconds >= FIRST_SECOND)?;
    Some(moment.to_string())
}

/// The branches of a remote.
pub(crate) async fn branches(
    egress: &Egress,
    provider: Provider,
    remote: &str,
    access: &GitAccess,
) -> Result<Answered<Vec<NamedBranch>>, ProviderError> {
    let (body, answered) = Remote::new(egress, provider, remote, access).await?.list("").await?;
    let Answered { value, rate_limit } = answered;
    let default = value.default_branch;
    let named = value.heads.items.into_iter().map(|head| {
        let default = default.as_deref() == Some(head.name.as_str());
        NamedBranch { name: head.name, commit: head.sha.to_ascii_lowercase(), default }
    });
    let mut branches: Vec<_> = named.collect();
    if let Some(default) = default.filter(|_| branches.iter().all(|branch| !branch.default))
        && let Some(commit) = refs::hash_of(&body, &format!("refs/heads/{default}"))
    {
        branches.truncate(MAX_HEADS - 1);
        branches.push(NamedBranch { name: default, commit: commit.to_ascii_lowercase(), default: true });
    }
    Ok(Answered { value: branches, rate_limit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use repoplane_domain::secret::Secret;

    const ID: &str = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d";

    fn commit(data: &[u8]) -> Option<HistoryCommit> {
        let id = ObjectId::from_hex(ID.as_bytes()).unwrap();
        read(&id, data, None, &Cleaner::new(&Secret::new("secret-token"))).ok()
    }

    fn of(head: &str, message: &[u8]) -> HistoryCommit {
        let text = format!("tree {ID}\n{head}\n\n");
        commit(&[text.as_bytes(), message].concat()).unwrap()
    }

    #[test]
    fn a_commit_is_read_whatever_its_lines_are() {
        let by = |name: &str| format!("author {name} <a@x.example> 1700000000 +0130");
        let committer = "committer C <c@x.example> 1700000060 -0700";
        for (head, name, date) in [
            (format!("{}\n{committer}", by("A U Thor")), "A U Thor", Some("2023-11-14T22:14:20Z")),
            (format!("{}\n{committer}", by("with secret-token")), "with [token]", Some("2023-11-14T22:14:20Z")),
            (format!("{}\ncommitter C <c@x.example>", by("A")), "A", None),
            (by("A"), "A", Some("2023-11-14T22:13:20Z")),
            ("author".to_owned(), "", None),
            (format!("{}\ncommitter C <c> 99999999999999 +0000", by("A")), "A", None),
            (format!("{}\ncommitter C <c> -62167219201 +0000", by("A")), "A", None),
            (format!("{}\ncommitter C <c> -62167219200 +0000", by("A")), "A", Some("0000-01-01T00:00:00Z")),
        ] {
            let read = of(&head, b"One\n\nTwo\n");
            assert_eq!((read.author_name.as_str(), read.date.as_deref()), (name, date), "{head}");
            assert_eq!(read.message, "One\n\nTwo", "{head}");
        }
        assert_eq!(commit(b"tree of nothing\n\nOne"), None);
        assert_eq!(commit(b""), None);
        assert_eq!(commit(format!("tree {ID}\n").as_bytes()).unwrap().message, "");
    }

    #[test]
    fn a_message_is_read_in_its_encoding() {
        let head = |encoding: &str| format!("author \u{e4} <a> 1 +0000\ncommitter C <c> 1 +0000{encoding}");
        for (encoding, message, expected) in [
            ("", "Grüße".as_bytes(), "Grüße"),
            ("", b"Gr\xfc\xdfe", "Gr\u{fffd}\u{fffd}e"),
            ("\nencoding ISO-8859-1", b"Gr\xfc\xdfe", "Grüße"),
            ("\nencoding iso-8859-15", b"\xa4", "€"),
            ("\nencoding SHIFT_JIS", b"\x93\xfa\x96{", "日本"),
            ("\nencoding KLINGON", "Grüße".as_bytes(), "Grüße"),
            ("\ngpgsig x\n encoding ISO-8859-1", "Grüße".as_bytes(), "Grüße"),
        ] {
            assert_eq!(of(&head(encoding), message).message, expected, "{encoding}");
        }
    }

    #[test]
    fn of_a_hostile_message_only_so_much_is_taken() {
        let head = "author A <a> 1 +0000\ncommitter C <c> 1 +0000";
        let huge = of(head, "é".repeat(2 * MAX_READ_MESSAGE).as_bytes()).message;
        assert_eq!((huge.len(), huge.chars().all(|c| c == 'é')), (MAX_COMMIT_MESSAGE, true));
        // What is looked at ends within a token.
        let unseen = "\u{200b}".repeat(MAX_READ_MESSAGE / 3 - 3);
        let cut = of(head, format!("see{unseen} secret-token").as_bytes()).message;
        assert_eq!(cut, "see");
    }

    proptest! {
        #[test]
        fn any_bytes_end_without_panic(data in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = commit(&data);
            let _ = commit(&[format!("tree {ID}\nauthor ").as_bytes(), &data].concat());
        }
    }
}
