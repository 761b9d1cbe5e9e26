//! The built-in provider double: a small GitHub and GitLab in memory, so that the tour works without any account.
//!
//! It answers the endpoints that this system calls, in the shapes that GitHub and GitLab publish for them, with example
//! values of its own. Every repository exists except those of the owner [`MISSING_OWNER`]; what a caller may do depends
//! on the token alone. GitHub is served under `/github/api/v3` like an Enterprise Server, GitLab under `/gitlab`.

use axum::extract::{FromRequestParts, Path};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// This token's account administers every repository.
pub const ADMIN_TOKEN: &str = "demo-admin-token";
/// This token's account may push to every repository.
pub const WRITE_TOKEN: &str = "demo-write-token";
/// This token's account may only read.
pub const READ_TOKEN: &str = "demo-read-token";
/// Repositories of this owner do not exist.
pub const MISSING_OWNER: &str = "missing";

/// Both providers. Mount it at the root of a server, so that the origin's paths are those of the real products.
pub fn router() -> Router {
    let github = Router::new()
        .route("/user", get(github_user))
        .route("/user/emails", get(github_emails))
        .route("/repos/{owner}/{repo}", get(github_repository))
        .route("/repositories/{id}", get(github_repository_by_id))
        .fallback(async || github_missing());
    let gitlab = Router::new()
        .route("/user", get(gitlab_user))
        .route("/projects/{id}", get(gitlab_project))
        .route("/projects/{id}/members/all/{user_id}", get(gitlab_member))
        .fallback(async || refusal(StatusCode::NOT_FOUND, json!({"error": "404 Not Found"})));
    Router::new().nest("/github/api/v3", github).nest("/gitlab/api/v4", gitlab)
}

/// Who a demo token belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Account {
    Admin,
    Writer,
    Reader,
}

impl Account {
    fn of_token(token: &str) -> Option<Self> {
        match token {
            ADMIN_TOKEN => Some(Self::Admin),
            WRITE_TOKEN => Some(Self::Writer),
            READ_TOKEN => Some(Self::Reader),
            _ => None,
        }
    }

    fn id(self) -> u64 {
        match self {
            Self::Admin => 9001,
            Self::Writer => 9002,
            Self::Reader => 9003,
        }
    }

    fn login(self) -> &'static str {
        match self {
            Self::Admin => "demo-admin",
            Self::Writer => "demo-writer",
            Self::Reader => "demo-reader",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Admin => "Demo Admin",
            Self::Writer => "Demo Writer",
            Self::Reader => "Demo Reader",
        }
    }

    fn email(self) -> String {
        format!("{}@demo.example", self.login())
    }

    /// GitLab's access level: owner, developer, reporter.
    fn access_level(self) -> u64 {
        match self {
            Self::Admin => 50,
            Self::Writer => 30,
            Self::Reader => 20,
        }
    }
}

/// The account of a GitHub call: `Authorization: Bearer` or the older `token`.
struct Github(Account);

impl<S: Send + Sync> FromRequestParts<S> for Github {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let text = header(&parts.headers, AUTHORIZATION.as_str()).and_then(|text| text.split_once(' '));
        let known = ["bearer", "token"];
        let token = text.filter(|(scheme, _)| known.contains(&scheme.to_ascii_lowercase().as_str()));
        token.and_then(|(_, token)| Account::of_token(token)).map(Self).ok_or_else(|| {
            let help = "https://docs.github.com/rest";
            let body = json!({"message": "Bad credentials", "documentation_url": help, "status": "401"});
            refusal(StatusCode::UNAUTHORIZED, body)
        })
    }
}

/// The account of a GitLab call: `Private-Token`, or `Authorization: Bearer` for OAuth.
struct Gitlab(Account);

impl<S: Send + Sync> FromRequestParts<S> for Gitlab {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let bearer = || header(&parts.headers, AUTHORIZATION.as_str())?.strip_prefix("Bearer ");
        let token = header(&parts.headers, "private-token").or_else(bearer);
        let unauthorized = || refusal(StatusCode::UNAUTHORIZED, json!({"message": "401 Unauthorized"}));
        token.and_then(Account::of_token).map(Self).ok_or_else(unauthorized)
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn refusal(status: StatusCode, body: Value) -> Response {
    (status, Json(body)).into_response()
}

fn github_missing() -> Response {
    let help = "https://docs.github.com/rest";
    refusal(StatusCode::NOT_FOUND, json!({"message": "Not Found", "documentation_url": help, "status": "404"}))
}

/// GitHub REST: `GET /user`.
async fn github_user(Github(account): Github) -> Json<Value> {
    let login = account.login();
    Json(json!({
        "login": login,
        "id": account.id(),
        "node_id": format!("U_demo{}", account.id()),
        "avatar_url": "",
        "url": format!("https://api.github.com/users/{login}"),
        "html_url": format!("https://github.com/{login}"),
        "type": "User",
        "site_admin": false,
        "name": account.name(),
        "company": null,
        "blog": "",
        "location": null,
        "email": account.email(),
        "hireable": null,
        "bio": null,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
    }))
}

/// GitHub REST: `GET /user/emails`.
async fn github_emails(Github(account): Github) -> Json<Value> {
    let kept = format!("{}+{}@users.noreply.github.com", account.id(), account.login());
    Json(json!([
        {"email": account.email(), "primary": true, "verified": true, "visibility": "public"},
        {"email": kept, "primary": false, "verified": true, "visibility": null},
    ]))
}

/// GitHub REST: `GET /repos/{owner}/{repo}`.
async fn github_repository(Github(account): Github, Path((owner, repo)): Path<(String, String)>) -> Response {
    if owner.eq_ignore_ascii_case(MISSING_OWNER) {
        return github_missing();
    }
    let id = number(&format!("{owner}/{repo}"));
    Json(github_body(account, id, &owner, &repo)).into_response()
}

/// GitHub REST: `GET /repositories/{id}`.
async fn github_repository_by_id(Github(account): Github, Path(id): Path<String>) -> Response {
    match id.parse() {
        Ok(id) => Json(github_body(account, id, "demo", &format!("repository-{id}"))).into_response(),
        Err(_) => github_missing(),
    }
}

fn github_body(account: Account, id: u64, owner: &str, repo: &str) -> Value {
    let full_name = format!("{owner}/{repo}");
    let admin = account == Account::Admin;
    let push = account != Account::Reader;
    json!({
        "id": id,
        "node_id": format!("R_demo{id}"),
        "name": repo,
        "full_name": full_name,
        "private": true,
        "owner": {
            "login": owner,
            "id": number(owner),
            "type": "Organization",
            "site_admin": false,
            "html_url": format!("https://github.com/{owner}"),
        },
        "html_url": format!("https://github.com/{full_name}"),
        "description": null,
        "fork": false,
        "url": format!("https://api.github.com/repos/{full_name}"),
        "clone_url": format!("https://github.com/{full_name}.git"),
        "ssh_url": format!("git@github.com:{full_name}.git"),
        "default_branch": "main",
        "archived": false,
        "disabled": false,
        "visibility": "private",
        "topics": [],
        "open_issues_count": 0,
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "pushed_at": "2024-01-01T00:00:00Z",
        "permissions": {"admin": admin, "maintain": admin, "push": push, "triage": push, "pull": true},
    })
}

/// GitLab REST: `GET /user`.
async fn gitlab_user(Gitlab(account): Gitlab) -> Json<Value> {
    Json(json!({
        "id": account.id(),
        "username": account.login(),
        "name": account.name(),
        "state": "active",
        "locked": false,
        "avatar_url": null,
        "web_url": format!("https://gitlab.com/{}", account.login()),
        "created_at": "2024-01-01T00:00:00.000Z",
        "bio": "",
        "bot": false,
        "public_email": account.email(),
        "email": account.email(),
        "commit_email": account.email(),
        "two_factor_enabled": true,
        "external": false,
        "private_profile": false,
    }))
}

/// GitLab REST: `GET /projects/:id`, by number or by path.
async fn gitlab_project(Gitlab(account): Gitlab, Path(id): Path<String>) -> Response {
    let Some((id, path)) = project(&id) else {
        return refusal(StatusCode::NOT_FOUND, json!({"message": "404 Project Not Found"}));
    };
    let (group, name) = path.rsplit_once('/').unwrap_or(("demo", &path));
    let body = json!({
        "id": id,
        "description": null,
        "name": name,
        "name_with_namespace": path.replace('/', " / "),
        "path": name,
        "path_with_namespace": path,
        "created_at": "2024-01-01T00:00:00.000Z",
        "default_branch": "main",
        "topics": [],
        "ssh_url_to_repo": format!("git@gitlab.com:{path}.git"),
        "http_url_to_repo": format!("https://gitlab.com/{path}.git"),
        "web_url": format!("https://gitlab.com/{path}"),
        "last_activity_at": "2024-01-01T00:00:00.000Z",
        "namespace": {"id": number(group), "name": group, "path": group, "kind": "group", "full_path": group},
        "visibility": "private",
        "archived": false,
        "empty_repo": false,
        "permissions": {
            "project_access": {"access_level": account.access_level(), "notification_level": 3},
            "group_access": null,
        },
    });
    Json(body).into_response()
}

/// GitLab REST: `GET /projects/:id/members/all/:user_id`. Each account sees its own membership.
async fn gitlab_member(Gitlab(account): Gitlab, Path((id, user)): Path<(String, String)>) -> Response {
    if project(&id).is_none() {
        return refusal(StatusCode::NOT_FOUND, json!({"message": "404 Project Not Found"}));
    }
    if user != account.id().to_string() {
        return refusal(StatusCode::NOT_FOUND, json!({"message": "404 Not found"}));
    }
    let body = json!({
        "id": account.id(),
        "username": account.login(),
        "name": account.name(),
        "state": "active",
        "locked": false,
        "avatar_url": null,
        "web_url": format!("https://gitlab.com/{}", account.login()),
        "created_at": "2024-01-01T00:00:00.000Z",
        "expires_at": null,
        "access_level": account.access_level(),
        "membership_state": "active",
    });
    Json(body).into_response()
}

/// Number and path of a project; `None` for a path of [`MISSING_OWNER`] or without a group.
fn project(id: &str) -> Option<(u64, String)> {
    if let Ok(number) = id.parse::<u64>() {
        return Some((number, format!("demo/project-{number}")));
    }
    let (group, _) = id.split_once('/')?;
    (!group.eq_ignore_ascii_case(MISSING_OWNER)).then(|| (number(id), id.to_owned()))
}

/// A number that always belongs to this name (FNV-1a, cut to 31 bits as real ids are small), ignoring case.
fn number(name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    });
    hash % 0x7fff_ffff + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use repoplane_domain::repository::Provider;
    use repoplane_domain::secret::Secret;
    use repoplane_providers::{Egress, EgressSettings, test_token};

    /// What the robot's test says about a token and a repository of the double: role and right to write, or the text.
    async fn test(provider: Provider, identity: &str, token: &str) -> Result<(String, bool), String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router()).await });
        let egress = Egress::new(EgressSettings::from_allow_list(&address.to_string()).unwrap());
        let base = match provider {
            Provider::Github => format!("http://{address}/github/api/v3"),
            Provider::Gitlab | Provider::Git => format!("http://{address}/gitlab"),
        };
        let report = test_token(&egress, provider, Some(&base), identity, &Secret::new(token)).await;
        server.abort();
        let report = report.map_err(|error| error.to_string())?;
        assert!(report.account.email.is_some_and(|email| email.ends_with("@demo.example")));
        Ok((report.account.role.unwrap(), report.can_write))
    }

    #[tokio::test]
    async fn each_token_has_its_role_at_both_providers() {
        for (token, github, gitlab, writes) in [
            (ADMIN_TOKEN, "admin", "owner", true),
            (WRITE_TOKEN, "write", "developer", true),
            (READ_TOKEN, "read", "reporter", false),
        ] {
            for identity in ["acme/widgets", "4711"] {
                assert_eq!(test(Provider::Github, identity, token).await, Ok((github.to_owned(), writes)), "{token}");
                assert_eq!(test(Provider::Gitlab, identity, token).await, Ok((gitlab.to_owned(), writes)), "{token}");
            }
        }
        assert!(test(Provider::Gitlab, "acme/tools/widgets", WRITE_TOKEN).await.is_ok());
    }

    #[tokio::test]
    async fn anything_else_is_refused_in_the_providers_words() {
        for (provider, identity, token, status, words) in [
            (Provider::Github, "acme/widgets", "other", "401 Unauthorized", "Bad credentials"),
            (Provider::Github, "missing/widgets", READ_TOKEN, "404 Not Found", "Not Found"),
            (Provider::Gitlab, "4711", "other", "401 Unauthorized", "401 Unauthorized"),
            (Provider::Gitlab, "missing/widgets", READ_TOKEN, "404 Not Found", "404 Project Not Found"),
        ] {
            let text = test(provider, identity, token).await.unwrap_err();
            let (line, body) = text.split_once(": ").unwrap();
            assert_eq!(line, format!("[{provider}] {status}"));
            assert!(body.contains(&format!(r#""message":"{words}""#)), "{text}");
        }
    }
}
