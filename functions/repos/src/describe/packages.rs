//! Packages, for the API's document.

use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Archived, Operation};
use repoplane_api::problem::ProblemType;
use repoplane_domain::access::{RepositoryRole, Scope};
use repoplane_domain::id::RepositoryId;
use serde_json::{Value, json};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new("repos_put_packages", "Packages", "Publish packages in a repository of a platform")
            .path("id", schema::id(RepositoryId::PREFIX), "The repository.")
            .of_repository(Scope::ReposWrite, RepositoryRole::Maintainer, Archived::Blocked)
            .text(
                "Rows as NDJSON, one object a line, or as CSV whose header names the columns: `projectId` (the number of a \
                 project that the repository has), `name`, `epoch`, `version`, `release`, `type` (`source` or `binary`), \
                 `committerName`, `committerEmail`; epoch and committer may be left out. At most 4,500,000 bytes and 50,000 \
                 rows; larger uploads are sent in parts. Name, epoch, version, release and type tell packages apart: one \
                 that is there gets the row's project and committer, no package is taken out, so an upload may be sent \
                 again. A wrong row refuses the whole; the first 50 are named by their lines. Nothing is published while \
                 a mirror copies the repository.",
            )
            .body_of(true, vec![("application/x-ndjson", rows()), ("text/csv", rows())])
            .ok(
                "What it came to.",
                Object::new()
                    .required("added", schema::count(), "Packages that were not there.")
                    .required("changed", schema::count(), "Packages that had another project or committer.")
                    .required("unchanged", schema::count(), "Packages that were there as they are."),
            )
            .problem(ProblemType::ValidationFailed, &[])
            .problem(ProblemType::BodyTooLarge, &[])
            .problem(ProblemType::UnsupportedMediaType, &[])
            .problem(ProblemType::Conflict, &["REPO_LOCKED", "REPO_WITHOUT_PACKAGES", "WRITE_CONFLICT"]),
    ]
}

fn rows() -> Value {
    json!({"type": "string", "minLength": 1})
}
