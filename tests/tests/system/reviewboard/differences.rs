//! Where an answer is another than Review Board's on purpose, and why.

use super::comparison::Difference;

/// What the first request of every client gets.
const ROOT: &[&str] = &["001-root-anonymous", "002-root-admin", "401-rbtools-root"];
/// A part of the same, at an address of its own.
const INFO: &[&str] = &["003-info-anonymous"];
/// A path at which there is nothing.
const NOTHING: &[&str] = &["012-create-bad-path"];
/// A remote without an address of its raw files.
const RAW_FILES: &[&str] = &["117-put-bad-path-remote"];
/// An update that names a tool.
const TOOL: &[&str] = &["135-put-tool-passthrough"];
/// Logins that an ssh host refuses.
const SSH: &[&str] = &["153-put-ssh-trust-host-password", "156-put-ssh-bad-host-key-trusted"];
/// A resource of Review Board's users.
const CLOSED: &[&str] = &["192-get-oauth-access-denied"];
/// Who somebody is.
const USER: &[&str] = &["405-rbtools-session-expand-user"];

/// Recordings, the place in their answers, and the reason, with the part of the contract (reviewboard) that says so. A
/// place is `status`, a header, `body`, a JSON pointer with all below it, or a pointer that ends in `/-`: the members there
/// that Review Board has and this API has not.
const DIFFERENCES: &[(&[&str], &str, &str)] = &[
    (ROOT, "/capabilities/-", "10: what clients need of the capabilities, and no review requests"),
    (ROOT, "/capabilities/authentication/client_web_login", "10: nobody logs in through a browser"),
    (ROOT, "/capabilities/scmtools/-", "7: the tool is Git"),
    (ROOT, "/capabilities/scmtools/supported_tools", "7, 10: the tool is Git"),
    (ROOT, "/links/-", "10: the repositories' part of the API"),
    (ROOT, "/uri_templates/-", "10: the repositories' part of the API"),
    (ROOT, "/product/name", "10: its own name"),
    (ROOT, "/product/version", "10: its own version; the level of the API is the package's"),
    (ROOT, "/site/administrators", "10: administrators are not told to everybody"),
    (INFO, "/info/capabilities/-", "10: what clients need of the capabilities, and no review requests"),
    (INFO, "/info/capabilities/authentication/client_web_login", "10: nobody logs in through a browser"),
    (INFO, "/info/capabilities/scmtools/-", "7: the tool is Git"),
    (INFO, "/info/capabilities/scmtools/supported_tools", "7, 10: the tool is Git"),
    (INFO, "/info/product/name", "10: its own name"),
    (INFO, "/info/product/version", "10: its own version; the level of the API is the package's"),
    (INFO, "/info/site/administrators", "10: administrators are not told to everybody"),
    (NOTHING, "status", "8.4, 13: no path is on a server's own disk, and a remote that is no repository is 205"),
    (NOTHING, "/err/code", "8.4, 13: the same"),
    (NOTHING, "/err/type", "8.4, 13: the same"),
    (NOTHING, "/error", "8.4, 13: the same; 205 comes without it"),
    (RAW_FILES, "/err/code", "13: no address of raw files is needed, so the remote is asked (205)"),
    (RAW_FILES, "/err/type", "13: the same"),
    (RAW_FILES, "/fields", "13: the same"),
    (TOOL, "status", "13: the tool is no field of an update, and passed over"),
    (TOOL, "Content-Type", "13: the same"),
    (TOOL, "body", "13: the same"),
    (SSH, "/reason", "8.4: the reason rather than the text None"),
    (CLOSED, "status", "13: no path of this API, and a final slash too many for the others"),
    (CLOSED, "Content-Type", "13: the same"),
    (CLOSED, "Location", "13: the same"),
    (CLOSED, "X-Content-Type-Options", "13: the same"),
    (CLOSED, "Vary", "13: the same"),
    (CLOSED, "Set-Cookie", "13: the same"),
    (CLOSED, "body", "13: the same"),
    (USER, "/session/user/-", "11: clients read the name and tolerate that the rest is missing"),
    (USER, "/session/user/links/-", "11: the same"),
];

/// What clients need of the root, and what else of it is here, so that no line of the table excuses its absence (contract:
/// reviewboard 10).
const NEEDED: [&str; 18] = [
    "/links/self",
    "/links/info",
    "/links/repositories",
    "/links/session",
    "/links/review_requests",
    "/uri_templates/root",
    "/uri_templates/info",
    "/uri_templates/session",
    "/uri_templates/repositories",
    "/uri_templates/repository",
    "/uri_templates/repository_info",
    "/uri_templates/repository_branches",
    "/uri_templates/repository_commits",
    "/uri_templates/repository_groups",
    "/uri_templates/repository_users",
    "/uri_templates/branches",
    "/uri_templates/commits",
    "/uri_templates/diff_file_attachments",
];

/// One line of the table.
pub(super) struct Wanted {
    /// Where.
    pub(super) place: &'static str,
    /// Why.
    pub(super) reason: &'static str,
}

impl Wanted {
    /// The lines of a recording.
    pub(super) fn of(recording: &str) -> Vec<Self> {
        let lines = DIFFERENCES.iter().filter(|(recordings, ..)| recordings.contains(&recording));
        lines.map(|(_, place, reason)| Self { place, reason }).collect()
    }

    /// Whether it is about a difference.
    pub(super) fn covers(&self, found: &Difference) -> bool {
        if let Some(object) = self.place.strip_suffix("/-") {
            let is_needed = NEEDED.contains(&found.place.as_str());
            return found.lacking
                && !is_needed
                && found.place.rsplit_once('/').is_some_and(|(parent, _)| parent == object);
        }
        if self.place == "body" {
            return found.place.is_empty() || found.place.starts_with('/');
        }
        let rest = found.place.strip_prefix(self.place);
        let is_below = |rest: &str| rest.is_empty() || (self.place.starts_with('/') && rest.starts_with('/'));
        rest.is_some_and(is_below)
    }
}

/// The names of recordings that the table speaks of.
pub(super) fn named() -> impl Iterator<Item = &'static str> {
    DIFFERENCES.iter().flat_map(|(recordings, ..)| recordings.iter().copied())
}
