//! The addresses of remotes, in every form that is read (Git: "GIT URLS"). None of them is ever a path of this machine.

use percent_encoding::percent_decode_str;
use url::Url;

/// Port of ssh where none is named.
const SSH_PORT: u16 = 22;
/// Port of Git's own daemon where none is named.
const GIT_PORT: u16 = 9418;
/// Longest path on a host, in bytes.
const MAX_PATH: usize = 2048;

/// Where a remote is, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RemoteAddress {
    /// Git's smart HTTP protocol. Which schemes and ports may be called is the egress client's business.
    Http(Url),
    /// `git-upload-pack` on a host that is reached over ssh.
    Ssh(SshAddress),
    /// Git's own daemon: bare, and without any login.
    Daemon(DaemonAddress),
}

/// A path on a host that is reached over ssh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SshAddress {
    /// Name or address, without brackets.
    pub(super) host: String,
    /// The port.
    pub(super) port: u16,
    /// The user that the address names.
    pub(super) user: Option<String>,
    /// The path as the host gets it, before it is quoted.
    pub(super) path: String,
}

/// A path that a daemon serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DaemonAddress {
    /// Name or address, without brackets.
    pub(super) host: String,
    /// The port.
    pub(super) port: u16,
    /// The path.
    pub(super) path: String,
}

const NOT_READ: &str = "the remote URL must begin with https://, ssh:// or git://, or be user@host:path";

impl RemoteAddress {
    /// Reads a remote's address.
    pub(super) fn read(remote: &str) -> Result<Self, &'static str> {
        let remote = remote.trim();
        if !remote.contains("://") {
            return scp_like(remote);
        }
        let url = Url::parse(remote).map_err(|_| "the remote URL is not a URL")?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("the remote URL must not have a query or fragment");
        }
        match url.scheme() {
            "https" | "http" => Ok(Self::Http(url)),
            "ssh" | "git+ssh" | "ssh+git" => Ok(Self::Ssh(of_ssh_url(&url)?)),
            "git" => Ok(Self::Daemon(of_git_url(&url)?)),
            _other => Err(NOT_READ),
        }
    }
}

fn of_ssh_url(url: &Url) -> Result<SshAddress, &'static str> {
    if url.password().is_some() {
        return Err("the remote URL must not contain a password");
    }
    let user = Some(decoded(url.username())?).filter(|user| !user.is_empty());
    let path = path(decoded(url.path())?)?;
    // Git: a path of a user's home directory is given to the host without its slash.
    let path = path.strip_prefix('/').filter(|rest| rest.starts_with('~')).map(str::to_owned).unwrap_or(path);
    Ok(SshAddress {
        host: host(url)?,
        port: url.port().unwrap_or(SSH_PORT),
        user: user.map(checked_user).transpose()?,
        path,
    })
}

fn of_git_url(url: &Url) -> Result<DaemonAddress, &'static str> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a git:// remote takes no user name or password");
    }
    let path = path(decoded(url.path())?)?;
    Ok(DaemonAddress { host: host(url)?, port: url.port().unwrap_or(GIT_PORT), path })
}

/// `user@host:path`; what looks like a path of a machine is none.
fn scp_like(remote: &str) -> Result<RemoteAddress, &'static str> {
    let bad = || if remote.contains(':') { NOT_READ } else { "the remote URL is not a URL" };
    let (authority, rest) = match remote.split_once('[') {
        // An IPv6 address in brackets has colons of its own.
        Some((before, after)) if before.is_empty() || before.ends_with('@') => {
            let (address, rest) = after.split_once("]:").ok_or_else(bad)?;
            (format!("{before}{address}"), rest)
        }
        _ => remote.split_once(':').map(|(authority, rest)| (authority.to_owned(), rest)).ok_or_else(bad)?,
    };
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(checked_user(user.to_owned())?), host),
        None => (None, authority.as_str()),
    };
    // `helper::address` would run a program on a developer's machine.
    if rest.starts_with(':') {
        return Err(NOT_READ);
    }
    let plain = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte));
    if host.is_empty() || host.starts_with('-') || !plain(host) {
        return Err(bad());
    }
    Ok(RemoteAddress::Ssh(SshAddress { host: host.to_owned(), port: SSH_PORT, user, path: path(rest.to_owned())? }))
}

fn host(url: &Url) -> Result<String, &'static str> {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() || host.starts_with('-') {
        return Err("the remote URL has no host");
    }
    Ok(host.to_owned())
}

fn checked_user(user: String) -> Result<String, &'static str> {
    if user.is_empty() || user.starts_with('-') || user.contains(':') || user.chars().any(char::is_control) {
        return Err("the user name in the remote URL is none");
    }
    Ok(user)
}

/// A path without what could end a line, a text or an option on the other side.
fn path(path: String) -> Result<String, &'static str> {
    if path.trim_matches('/').is_empty() {
        return Err("the remote URL has no path");
    }
    if path.starts_with('-') || path.len() > MAX_PATH || path.chars().any(char::is_control) {
        return Err("the path of the remote URL cannot be one of a repository");
    }
    Ok(path)
}

fn decoded(text: &str) -> Result<String, &'static str> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(String::from).map_err(|_| "the remote URL is not in UTF-8")
}

/// A text as one word of a shell, quoted as Git's own clients do (Git: `sq_quote_buf`).
pub(super) fn quoted(text: &str) -> String {
    let mut word = String::from("'");
    for character in text.chars() {
        match character {
            // Some shells look for their history inside quotes.
            '\'' | '!' => word.extend(["'\\", character.encode_utf8(&mut [0; 4]), "'"]),
            other => word.push(other),
        }
    }
    word.push('\'');
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(remote: &str) -> Result<String, &'static str> {
        RemoteAddress::read(remote).map(|address| match address {
            RemoteAddress::Http(url) => url.to_string(),
            RemoteAddress::Ssh(SshAddress { host, port, user, path }) => {
                format!("ssh {} {host} {port} {path}", user.unwrap_or_default())
            }
            RemoteAddress::Daemon(DaemonAddress { host, port, path }) => format!("git {host} {port} {path}"),
        })
    }

    #[test]
    fn every_form_of_a_remote_is_read() {
        for (remote, expected) in [
            ("https://git.example.com/acme/widgets.git", "https://git.example.com/acme/widgets.git"),
            (" https://git.example.com/ ", "https://git.example.com/"),
            ("ssh://git@git.example.com/acme/widgets.git", "ssh git git.example.com 22 /acme/widgets.git"),
            ("ssh://git.example.com:2222/a%20b", "ssh  git.example.com 2222 /a b"),
            ("git+ssh://a%40b@[::1]:22/~me/x", "ssh a@b ::1 22 ~me/x"),
            ("git@git.example.com:acme/widgets.git", "ssh git git.example.com 22 acme/widgets.git"),
            ("git@git.example.com:/acme/widgets.git", "ssh git git.example.com 22 /acme/widgets.git"),
            ("git.example.com:a%20b", "ssh  git.example.com 22 a%20b"),
            ("me@[2606:50c0::1]:a/b", "ssh me 2606:50c0::1 22 a/b"),
            ("git://git.example.com/acme/widgets.git", "git git.example.com 9418 /acme/widgets.git"),
            ("git://git.example.com:9419/a", "git git.example.com 9419 /a"),
        ] {
            assert_eq!(read(remote).as_deref(), Ok(expected), "{remote}");
        }
    }

    #[test]
    fn nothing_else_is_a_remote() {
        let path = "the path of the remote URL cannot be one of a repository";
        let user = "the user name in the remote URL is none";
        for (remote, expected) in [
            ("file:///srv/git/widgets.git", NOT_READ),
            ("ext::sh -c id", NOT_READ),
            ("/srv/git/widgets.git", "the remote URL is not a URL"),
            ("./widgets:x", NOT_READ),
            ("https://git.example.com/a?b", "the remote URL must not have a query or fragment"),
            ("ssh://git@git.example.com/a#b", "the remote URL must not have a query or fragment"),
            ("ssh://git:pw@git.example.com/a", "the remote URL must not contain a password"),
            ("ssh://git.example.com/", "the remote URL has no path"),
            ("git.example.com:", "the remote URL has no path"),
            ("git://me@git.example.com/a", "a git:// remote takes no user name or password"),
            ("ssh://-oProxyCommand=id/a", "the remote URL has no host"),
            ("-oProxyCommand=id:a", NOT_READ),
            ("-oProxyCommand=id@git.example.com:a", user),
            ("ssh://-x@git.example.com/a", user),
            ("git.example.com:-u", path),
            ("git.example.com:a\nb", path),
            ("ssh://git.example.com/a%0ab", path),
            ("git://git.example.com/a%00host=x", path),
            ("ssh://git.example.com/a%ff", "the remote URL is not in UTF-8"),
        ] {
            assert_eq!(read(remote), Err(expected), "{remote}");
        }
    }

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        assert_eq!(quoted("/a b/$(id)`id`\\;&"), r"'/a b/$(id)`id`\;&'");
        assert_eq!(quoted("it's!"), r"'it'\''s'\!''");
    }

    proptest! {
        #[test]
        fn any_text_ends_without_panic(remote in "\\PC{0,40}") {
            let _ = RemoteAddress::read(&remote);
        }

        #[test]
        fn nothing_leaves_its_quotes(text in "['!a \\\\$`\"]{0,12}") {
            // What is outside of quotes is an escaped quote or exclamation mark, and nothing else.
            let word = quoted(&text);
            let (mut inside, mut escaped) = (false, false);
            for character in word.chars() {
                match (inside, escaped, character) {
                    (true, _, '\'') => inside = false,
                    (true, ..) => {}
                    (false, true, _) => {
                        prop_assert!(character == '\'' || character == '!');
                        escaped = false;
                    }
                    (false, false, '\\') => escaped = true,
                    (false, false, '\'') => inside = true,
                    (false, false, _) => prop_assert!(false, "{word}"),
                }
            }
            prop_assert!(!inside && !escaped);
        }
    }
}
