//! `/api/repos/:id/packages`: what was built of a platform's projects is published in bulk.

use axum::extract::{Request, State};
use http::header;
use repoplane_api::access::{Manage, Repo};
use repoplane_api::problem::ProblemType;
use repoplane_api::{Answer, App, Problem, body};
use repoplane_domain::access::Right;
use repoplane_domain::package::{MAX_UPLOAD_BYTES, UploadForm, check_projects, may_publish, read_upload};
use repoplane_store::Author;
use serde_json::json;

/// `repos_put_packages`: what is there stays, so that an upload may be sent again, or in parts.
pub(crate) async fn publish(State(app): State<App>, repo: Repo<Manage>, request: Request) -> Result<Answer, Problem> {
    let set = &repo.set;
    may_publish(&set.repository)?;
    let form = form_of(&request)?;
    let upload = body::read(request, MAX_UPLOAD_BYTES).await?;
    let rows = read_upload(form, &upload)?;
    drop(upload);
    check_projects(&rows, &app.store.project_numbers_in(set.repository.id).await?)?;
    let author = Author { principal: &repo.principal, right: Right::Manage, now: app.now() };
    let done = app.store.publish_packages(author, set, &rows).await?;
    Ok(Answer::ok(json!({"added": done.added, "changed": done.changed, "unchanged": done.unchanged})))
}

fn form_of(request: &Request) -> Result<UploadForm, Problem> {
    let said = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = said.split(';').next().unwrap_or_default().trim();
    UploadForm::of_media_type(essence).ok_or_else(|| {
        let shown: String = essence.chars().take(100).collect();
        let shown = if shown.is_empty() { "nothing".to_owned() } else { shown };
        let text = format!("send application/x-ndjson or text/csv, not {shown}");
        Problem::new(ProblemType::UnsupportedMediaType, text)
    })
}
