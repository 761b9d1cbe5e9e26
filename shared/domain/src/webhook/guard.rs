//! What never becomes a task, whatever the rules say: noise, and what the robots did themselves
//! (contract: hookcode 4.5, guards).

use super::mapping::{DECLARATIONS, EventType, MappedEvent, SubType};
use super::payload::{cut_bytes, cut_chars, first_text, id, list, text};
use super::subject::{commit_title, head_commit};
use crate::repository::Provider;
use crate::robot::Robot;
use serde_json::Value;
use std::collections::BTreeSet;

/// Longest part of a payload that a reason quotes.
const QUOTED_CHARS: usize = 80;

/// The reason why a mapped event goes no further, if there is one.
pub(super) fn guard(provider: Provider, event: MappedEvent, payload: &Value, robots: &[&Robot]) -> Option<String> {
    let bots = Bots::of(robots);
    if !DECLARATIONS.iter().any(|line| line.event == event) {
        return Some("event type not enabled yet".to_owned());
    }
    if event.sub_type == SubType::Commented {
        return comment(provider, payload, &bots);
    }
    let unless_own = |reason: &str| bots.sent(provider, payload).then(|| reason.to_owned());
    match event.event_type {
        EventType::Commit => push(provider, payload),
        EventType::Issue => issue_action(provider, event, payload).or_else(|| unless_own("bot issue ignored")),
        EventType::MergeRequest if event.sub_type.is_comment() => unless_own("self review ignored"),
        EventType::MergeRequest => unless_own(match provider {
            Provider::Github | Provider::Git => "bot pull request ignored",
            Provider::Gitlab => "bot merge request ignored",
        }),
        EventType::Release => unless_own("bot release ignored"),
        EventType::Tag => unless_own("bot tag ignored"),
        // A robot that mends what its own push broke would never come to an end.
        EventType::Pipeline => unless_own("bot pipeline ignored"),
        EventType::Discussion => unless_own("bot discussion ignored"),
    }
}

/// The names and ids under which enabled robots act at the provider, in lower case.
struct Bots(BTreeSet<String>);

impl Bots {
    fn of(robots: &[&Robot]) -> Self {
        let mut names = BTreeSet::new();
        for robot in robots {
            let account = &robot.account;
            // Without a known user name the robot's own name is the best guess.
            let fallback = account.username.is_none().then_some(&robot.name);
            for name in
                [&account.username, &account.display_name, &account.user_id].into_iter().flatten().chain(fallback)
            {
                let name = name.trim().to_lowercase();
                let name = name.strip_prefix('@').unwrap_or(&name);
                if !name.is_empty() {
                    names.insert(name.to_owned());
                }
            }
        }
        Self(names)
    }

    fn has(&self, name: Option<&str>) -> bool {
        name.is_some_and(|name| self.0.contains(&name.trim().to_lowercase()))
    }

    /// Whether a robot caused the event. The account's id counts as well as its name: names can be changed.
    fn sent(&self, provider: Provider, payload: &Value) -> bool {
        match provider {
            Provider::Github | Provider::Git => {
                let login = ["/sender/login", "/comment/user/login", "/pull_request/user/login"];
                // Who started a run of a workflow may be another than who is named as the sender of its end.
                let others =
                    ["/review/user/login", "/workflow_run/actor/login", "/workflow_run/triggering_actor/login"];
                self.has(first_text(payload, &login))
                    || self.has(id(payload, "/sender/id").as_deref())
                    || others.iter().any(|pointer| self.has(text(payload, pointer)))
            }
            Provider::Gitlab => {
                // Tag pushes have no object of the user.
                self.has(first_text(payload, &["/user/username", "/user_username", "/user/name", "/user_name"]))
                    || self.has(id(payload, "/user/id").or_else(|| id(payload, "/user_id")).as_deref())
            }
        }
    }
}

fn comment(provider: Provider, payload: &Value, bots: &Bots) -> Option<String> {
    match provider {
        Provider::Github | Provider::Git => bots.sent(provider, payload).then(|| "self comment ignored".to_owned()),
        Provider::Gitlab => {
            if text(payload, "/object_attributes/action") == Some("update") {
                return Some("note update ignored".to_owned());
            }
            let system = payload.pointer("/object_attributes/system") == Some(&Value::Bool(true));
            let author = id(payload, "/object_attributes/author_id");
            let own = system || bots.sent(provider, payload) || bots.has(author.as_deref());
            own.then(|| "self note ignored".to_owned())
        }
    }
}

fn issue_action(provider: Provider, event: MappedEvent, payload: &Value) -> Option<String> {
    // Another subtype says by itself which action it is.
    if event.sub_type != SubType::Created {
        return None;
    }
    let (pointer, new): (&str, &[&str]) = match provider {
        Provider::Github | Provider::Git => ("/action", &["opened"]),
        Provider::Gitlab => ("/object_attributes/action", &["open", "create"]),
    };
    let action = text(payload, pointer)?;
    (!new.contains(&action)).then(|| format!("issue action {} ignored", cut_chars(action, QUOTED_CHARS)))
}

fn push(provider: Provider, payload: &Value) -> Option<String> {
    let not_a_branch = || {
        let name = text(payload, "/ref")?;
        (!name.starts_with("refs/heads/")).then(|| format!("push ref {} ignored (not a branch)", cut_bytes(name, 255)))
    };
    let deletes = || {
        let gone = match provider {
            Provider::Github | Provider::Git => payload.get("deleted") == Some(&Value::Bool(true)),
            Provider::Gitlab => first_text(payload, &["/checkout_sha", "/after"])
                .is_some_and(|sha| sha.len() >= 40 && sha.bytes().all(|b| b == b'0')),
        };
        gone.then(|| "push delete ignored".to_owned())
    };
    // Each provider's own order: GitLab is asked for the kind of ref first, GitHub whether it is gone.
    let refs = match provider {
        Provider::Github | Provider::Git => deletes().or_else(not_a_branch),
        Provider::Gitlab => not_a_branch().or_else(deletes),
    };
    refs.or_else(|| is_empty(payload).then(|| "push without commits ignored".to_owned()))
        .or_else(|| merge_commit(payload))
        .or_else(|| cherry_picks(payload))
}

fn is_empty(payload: &Value) -> bool {
    let counted = payload.get("total_commits_count").and_then(Value::as_f64).is_some_and(|count| count > 0.0);
    !counted && list(payload, "/commits").is_empty()
}

fn merge_commit(payload: &Value) -> Option<String> {
    let title = head_commit(payload).and_then(commit_title)?;
    let rest = title.get(..5).filter(|word| word.eq_ignore_ascii_case("merge")).map(|_| &title[5..])?;
    let is_word = !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    is_word.then(|| format!("merge commit ignored (e.g. \"{}\")", cut_chars(title, QUOTED_CHARS)))
}

/// Only when *all* commits are cherry-picks: one other commit is reason enough to look.
fn cherry_picks(payload: &Value) -> Option<String> {
    let commits = list(payload, "/commits");
    if commits.is_empty() || !commits.iter().all(is_cherry_pick) {
        return None;
    }
    Some(match commits.last().and_then(commit_title) {
        Some(title) => format!("cherry-pick commit ignored (e.g. \"{}\")", cut_chars(title, QUOTED_CHARS)),
        None => "cherry-pick commit ignored".to_owned(),
    })
}

fn is_cherry_pick(commit: &Value) -> bool {
    ["/title", "/message"].iter().filter_map(|pointer| text(commit, pointer)).any(says_cherry_pick)
}

/// Whether a message has the word "cherry-pick" or the trailer that `git cherry-pick -x` writes.
fn says_cherry_pick(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    message.match_indices("cherry").any(|(at, word)| {
        let starts = !message[..at].ends_with(is_word);
        let rest = &message[at + word.len()..];
        let Some(rest) = rest.strip_prefix(['-', ' ']).and_then(|rest| rest.strip_prefix("pick")) else { return false };
        let plain = starts && !rest.starts_with(is_word);
        let trailer = rest.strip_prefix("ed from commit").is_some_and(|rest| {
            let sha = rest.trim_start();
            sha.len() < rest.len() && sha.bytes().take_while(u8::is_ascii_hexdigit).count() >= 7
        });
        plain || trailer
    })
}

#[cfg(test)]
mod tests;
