//! `packages.csv`: every package of a repository (contract: abf 4.3).
//!
//! One request for each platform in a quarter of an hour. The pages of one list, asked for one after another by who began
//! with it, are one request.

use super::problems::ACCESS_VIOLATION;
use super::{Call, Found, params};
use crate::static_file::takes_gzip;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::read::GzEncoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use repoplane_api::answer::entity_tag;
use repoplane_api::problem::ProblemType;
use repoplane_api::{App, Problem};
use repoplane_domain::access::User;
use repoplane_domain::id::UserId;
use repoplane_domain::package::{ListedPackage, Listing, Package, Person};
use repoplane_domain::platform::{BuildAction, BuildProject};
use repoplane_domain::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::io::Read;

/// From this size on a page ends, in bytes: with the longest row it still fits through the gateway (AWS Lambda: 6 MB).
const PAGE_BYTES: usize = 4_000_000;

/// `abf_list_packages`.
pub(super) async fn list(State(app): State<App>, headers: HeaderMap, call: Call) -> Result<Response, Problem> {
    match answer(&app, &headers, &call).await {
        Err(problem) if problem.kind() == ProblemType::Forbidden => Ok(refused(None)),
        answered => answered,
    }
}

async fn answer(app: &App, headers: &HeaderMap, call: &Call) -> Result<Response, Problem> {
    let found = Found::of(app, call, |_| BuildAction::Packages).await?;
    let page = call.params()?.plain("page").map(|text| {
        let number = params::number(text).and_then(|number| u32::try_from(number).ok());
        number.unwrap_or(1).max(1)
    });
    let (now, user, repository) = (app.now(), call.principal.user, found.set.repository.id);
    let platform = (call.principal.tenant, found.platform.number);
    let asked = app.store.packages_asked(platform.0, platform.1, now).await?;
    let goes_on = |next: Option<u32>| page.is_some() && next == page;
    if let Some(asked) = &asked
        && !(asked.user == user && asked.repository == repository && goes_on(asked.next_page))
    {
        return Ok(refused(Some((now, asked.until))));
    }
    let packages = app.store.packages(repository).await?;
    let (listing, more) = write(app, call, &packages, page).await?;
    drop(packages);
    let answer = encode(listing, takes_gzip(headers));
    if app.settings.max_answer_bytes.is_some_and(|most| answer.encoded > most) {
        // It does not count as one that was accepted.
        return Ok(too_large());
    }
    let next = page.filter(|_| more).map(|page| page + 1);
    if !app.store.ask_packages(platform, (user, repository), (asked.as_ref(), next), now).await? {
        return Ok(refused(None));
    }
    Ok(answer.into_response())
}

/// The rows, or those of a page, and whether there are more after it.
async fn write(app: &App, call: &Call, packages: &[Package], page: Option<u32>) -> Result<(Vec<u8>, bool), Problem> {
    let tenant = call.principal.tenant;
    let numbers: BTreeSet<u64> = packages.iter().map(|package| package.published.project).collect();
    let projects = app.store.build_projects_numbered(tenant, &numbers).await?;
    let users = app.store.list_users(tenant).await?;
    let people = People::of(&users);
    let (mut listing, mut number) = (Listing::new(), 1);
    for package in packages {
        if page.is_some() && listing.bytes() >= PAGE_BYTES {
            if page == Some(number) {
                return Ok((listing.finish(), true));
            }
            (listing, number) = (Listing::new(), number + 1);
        }
        listing.push(&people.row(package, projects.get(&package.published.project)));
    }
    let is_beyond = page.is_some_and(|page| page > number);
    Ok((if is_beyond { Listing::new() } else { listing }.finish(), false))
}

/// The users of a tenant, as rows name them.
struct People<'a> {
    by_id: HashMap<UserId, &'a User>,
    by_email: HashMap<String, &'a User>,
}

impl<'a> People<'a> {
    fn of(users: &'a [User]) -> Self {
        let by_email = users.iter().filter_map(|user| Some((user.email.as_deref()?.to_lowercase(), user)));
        Self { by_id: users.iter().map(|user| (user.id, user)).collect(), by_email: by_email.collect() }
    }

    fn row<'r>(&'r self, package: &'r Package, project: Option<&'r BuildProject>) -> ListedPackage<'r> {
        let maintainer = project.map(|project| Person {
            uname: &project.maintainer.username,
            email: self.by_id.get(&project.maintainer.id).and_then(|user| user.email.as_deref()).unwrap_or_default(),
        });
        let published = &package.published;
        let email = published.committer_email.as_deref().unwrap_or_default();
        let known = self.by_email.get(&email.to_lowercase());
        let uname = match known {
            Some(user) => &user.username,
            None => published.committer_name.as_deref().unwrap_or_default(),
        };
        ListedPackage {
            package,
            project: project.map_or(("", ""), |project| (&project.owner.uname, &project.name)),
            maintainer: maintainer.unwrap_or_default(),
            committer: Person { uname, email },
        }
    }
}

/// A list as it is sent.
struct Encoded {
    bytes: Vec<u8>,
    zipped: bool,
    /// Its length in the gateway's form.
    encoded: usize,
}

fn encode(listing: Vec<u8>, zipped: bool) -> Encoded {
    if !zipped {
        // Line ends and quotes take a backslash in JSON.
        let escapes = listing.iter().filter(|byte| matches!(byte, b'\n' | b'"' | b'\\')).count();
        return Encoded { encoded: listing.len() + escapes, bytes: listing, zipped };
    }
    let mut bytes = Vec::new();
    // Reading from memory into memory does not fail.
    drop(GzEncoder::new(&*listing, Compression::fast()).read_to_end(&mut bytes));
    Encoded { encoded: bytes.len().div_ceil(3) * 4, bytes, zipped }
}

impl IntoResponse for Encoded {
    fn into_response(self) -> Response {
        let tag = HeaderValue::from_str(&entity_tag(None, &self.bytes)).unwrap_or(HeaderValue::from_static("\"\""));
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/csv")),
            (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"packages.csv\"")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
            (header::ETAG, tag),
        ];
        let mut response = (headers, self.bytes).into_response();
        if self.zipped {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

/// Too early is told like everything that one may not; when it is worth asking again does no harm.
fn refused(waits: Option<(Timestamp, Timestamp)>) -> Response {
    let mut response = plain(StatusCode::FORBIDDEN, ACCESS_VIOLATION);
    if let Some((now, until)) = waits {
        let left = (until.as_millisecond() - now.as_millisecond()).max(0).unsigned_abs().div_ceil(1_000);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(left));
    }
    response
}

fn too_large() -> Response {
    let text = "The list is too large for one answer. Ask for it compressed (Accept-Encoding: gzip), or in parts: \
                packages.csv?page=1, and so on until a part has no rows; parts in order count as one request.";
    plain(StatusCode::PAYLOAD_TOO_LARGE, text)
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, text).into_response()
}
