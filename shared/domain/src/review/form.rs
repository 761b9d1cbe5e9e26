//! The fields of a form that makes or changes a repository (contract: reviewboard 2, 8.1).

use super::extra_data::ExtraDataEdit;
use crate::error::FieldErrors;
use crate::repository::normalize_remote;
use crate::secret::Secret;
use url::Url;

/// Longest name, in characters.
pub const MAX_REVIEW_NAME_CHARS: usize = 255;
/// Longest path, mirror path and address of raw files, in characters.
pub const MAX_PATH_CHARS: usize = 255;
/// Longest address of a bug tracker, in characters.
pub const MAX_BUG_TRACKER_CHARS: usize = 256;
/// Longest list of encodings, in characters.
pub const MAX_ENCODING_CHARS: usize = 32;
/// Longest name of who logs in at the remote, in characters.
pub const MAX_USERNAME_CHARS: usize = 32;
/// Longest password, in bytes; a token of a provider fits many times.
const MAX_PASSWORD_BYTES: usize = 4 * 1024;

const REQUIRED: &str = "This field is required";
const NOT_EMPTY: &str = "This field is required.";
const NOT_A_REMOTE: &str = "The path must be an https, http, ssh or git URL, or user@host:path.";

/// A kind of source control (contract: reviewboard 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Its id in filters and capabilities.
    pub id: &'static str,
    /// Its name, as repositories show it.
    pub name: &'static str,
}

/// The tools that repositories here can have. Others are known to clients, and refused.
pub const TOOLS: [Tool; 1] = [Tool { id: "git", name: "Git" }];

impl Tool {
    /// Git.
    pub const GIT: Self = TOOLS[0];

    /// Whether a text of a filter names it, by id or by name.
    pub fn is_called(self, text: &str) -> bool {
        text == self.id || text == self.name
    }
}

/// Whether a text of a form means yes: `1` and `true` in any case do, all else means no.
pub fn is_true(text: &str) -> bool {
    text == "1" || text.eq_ignore_ascii_case("true")
}

/// A form that was read. A field that was not sent is `None` and keeps what is stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReviewForm {
    /// The name.
    pub name: Option<String>,
    /// The name of the tool; only a new repository has one.
    pub tool: Option<String>,
    /// Where the repository is.
    pub path: Option<String>,
    /// A second address of it.
    pub mirror_path: Option<String>,
    /// Where its bugs are.
    pub bug_tracker: Option<String>,
    /// Encodings of its files.
    pub encoding: Option<String>,
    /// Who logs in at the remote.
    pub username: Option<String>,
    /// With what.
    pub password: Option<Secret>,
    /// Where single files are.
    pub raw_file_url: Option<String>,
    /// Whether all may read it.
    pub public: Option<bool>,
    /// Whether lists show it.
    pub visible: Option<bool>,
    /// Whether a host that is not known, or is known otherwise, is trusted from now on.
    pub trust_host: bool,
    /// Whether it is archived after the rest was done.
    pub archive_name: bool,
    /// What becomes of the free data.
    pub extra_data: ExtraDataEdit,
    errors: FieldErrors,
}

impl ReviewForm {
    /// Reads the fields in the order in which they came; of two of a name the last counts. What is not known is passed
    /// over.
    pub fn read<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut form = Self::default();
        for (name, value) in fields {
            let trimmed = || Some(value.trim().to_owned());
            match name {
                "name" => form.name = trimmed(),
                "tool" => form.tool = trimmed(),
                "path" => form.path = trimmed(),
                "mirror_path" => form.mirror_path = trimmed(),
                "bug_tracker" => form.bug_tracker = trimmed(),
                "encoding" => form.encoding = trimmed(),
                "username" => form.username = trimmed(),
                "password" => form.password = Some(Secret::new(value.trim())),
                "raw_file_url" => form.raw_file_url = trimmed(),
                "public" => form.public = Some(is_true(value)),
                "visible" => form.visible = Some(is_true(value)),
                "trust_host" => form.trust_host = is_true(value),
                "archive_name" => form.archive_name = is_true(value),
                other => {
                    form.extra_data.read(other, value, &mut form.errors);
                }
            }
        }
        form
    }

    /// Whether archiving is all that is asked for: nothing is checked then.
    pub fn only_archives(&self) -> bool {
        let rest = Self { archive_name: false, ..self.clone() };
        self.archive_name && rest == Self::default()
    }

    /// What a new repository must have, which is asked before it is known who may make one.
    pub fn check_presence(&self, errors: &mut FieldErrors) {
        for (field, value) in [("/name", &self.name), ("/tool", &self.tool)] {
            if value.is_none() {
                errors.push(field, REQUIRED);
            }
        }
    }

    /// All that is wrong with the fields by themselves, together.
    pub fn check(&self, is_new: bool, errors: &mut FieldErrors) {
        let texts = [
            ("/name", &self.name, MAX_REVIEW_NAME_CHARS),
            ("/path", &self.path, MAX_PATH_CHARS),
            ("/mirror_path", &self.mirror_path, MAX_PATH_CHARS),
            ("/bug_tracker", &self.bug_tracker, MAX_BUG_TRACKER_CHARS),
            ("/encoding", &self.encoding, MAX_ENCODING_CHARS),
            ("/username", &self.username, MAX_USERNAME_CHARS),
            ("/raw_file_url", &self.raw_file_url, MAX_PATH_CHARS),
        ];
        for (field, text, most) in texts.iter().filter_map(|(field, text, most)| Some((field, text.as_ref()?, most))) {
            let length = text.chars().count();
            if length > *most {
                errors.push(*field, format!("Ensure this value has at most {most} characters (it has {length})."));
            } else if text.contains(char::is_control) {
                errors.push(*field, "Control characters are not allowed.");
            }
        }
        if self.name.as_ref().is_some_and(String::is_empty) {
            errors.push("/name", NOT_EMPTY);
        }
        self.check_path(is_new, errors);
        if let Some(mirror) = self.mirror_path.as_ref().filter(|mirror| !mirror.is_empty())
            && !is_remote(mirror)
        {
            errors.push("/mirror_path", NOT_A_REMOTE);
        }
        if is_new && self.tool.as_ref().is_some_and(|tool| TOOLS.iter().all(|known| known.name != tool)) {
            errors.push("/tool", "This tool is not supported here; repositories are of Git.");
        }
        if self.bug_tracker.as_ref().is_some_and(|text| !text.is_empty() && !is_bug_tracker(text)) {
            errors.push("/bug_tracker", "There must be exactly one %s, and no other conversion.");
        }
        if self.username.as_ref().is_some_and(|name| name.contains(':')) {
            errors.push("/username", "A user name has no colon.");
        }
        if self.password.as_ref().is_some_and(|password| {
            password.expose().len() > MAX_PASSWORD_BYTES || password.expose().contains(char::is_control)
        }) {
            errors.push("/password", format!("At most {MAX_PASSWORD_BYTES} bytes, without control characters."));
        }
        for error in self.errors.as_slice() {
            errors.push(error.pointer.clone(), error.message.clone());
        }
    }

    fn check_path(&self, is_new: bool, errors: &mut FieldErrors) {
        match &self.path {
            None if is_new => errors.push("/path", NOT_EMPTY),
            Some(path) if path.is_empty() => errors.push("/path", NOT_EMPTY),
            Some(path) if path.chars().count() <= MAX_PATH_CHARS && !is_remote(path) => {
                errors.push("/path", NOT_A_REMOTE);
            }
            Some(_) | None => {}
        }
    }
}

/// Whether a text is an address that can be called: never a place of this machine, and without a password in it.
fn is_remote(text: &str) -> bool {
    let url = Url::parse(text).ok().filter(|_| text.contains("://"));
    let carries = |url: &Url| matches!(url.scheme(), "https" | "http") && !url.username().is_empty();
    normalize_remote(text).is_ok() && !url.as_ref().is_some_and(carries)
}

/// Whether a text has one `%s` and, beside escaped `%%`, no other conversion.
fn is_bug_tracker(text: &str) -> bool {
    let (mut ids, mut chars) = (0, text.chars());
    while let Some(char) = chars.next() {
        if char == '%' {
            match chars.next() {
                Some('s') => ids += 1,
                Some('%') => {}
                Some(_) | None => return false,
            }
        }
    }
    ids == 1
}
