//! The dialect's operations and objects, for the API's document.

use super::answer::{ERROR_MEDIA, Media};
use super::problems::Code;
use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Answer, Operation, Parameter};
use repoplane_domain::access::Scope;
use repoplane_domain::review::{
    MAX_BUG_TRACKER_CHARS, MAX_ENCODING_CHARS, MAX_PATH_CHARS, MAX_RESULTS, MAX_REVIEW_NAME_CHARS, MAX_USERNAME_CHARS,
    RESULTS,
};
use serde_json::{Value, json};

const TAG: &str = "Review Board";
const ERROR: &str = "ReviewBoardError";
const REPOSITORY: &str = "ReviewBoardRepository";
const LINKS: &str = "ReviewBoardLinks";
/// A form may be sent in either way.
const FORMS: [&str; 2] = ["application/x-www-form-urlencoded", "multipart/form-data"];

/// What every call may be answered.
const ALWAYS: [Code; 9] = [
    Code::NotConfigured,
    Code::InvalidForm,
    Code::NotLoggedIn,
    Code::LoginFailed,
    Code::PermissionDenied,
    Code::MissingScope,
    Code::AccessDenied,
    Code::RateLimited,
    Code::DoesNotExist,
];
/// What a call may be answered that has a remote asked.
const ASKED: [Code; 9] = [
    Code::RepositoryMissing,
    Code::CommunicationError,
    Code::ServerConfigError,
    Code::HostKeyMismatch,
    Code::HostKeyNotVerified,
    Code::CertificateNotVerified,
    Code::PublicKeyMissing,
    Code::RepositoryAuthError,
    Code::RepositoryConflict,
];

fn operation(id: &'static str, summary: &'static str, scope: Scope, codes: &[Code]) -> Operation {
    let read_only = (scope == Scope::ReposWrite).then_some(Code::ReadOnly);
    let all = ALWAYS.iter().chain(codes).copied().chain(read_only);
    let operation = Operation::new(id, TAG, summary).access(Access::Scope(scope));
    operation.dialect_media(ERROR_MEDIA, ERROR, all.map(|code| (code.row().1, code.row().3)))
}

fn reads(id: &'static str, summary: &'static str) -> Operation {
    operation(id, summary, Scope::ReposRead, &[])
}

fn of_repository(operation: Operation) -> Operation {
    operation.path("repository_id", schema::count(), "The repository's number.")
}

/// What a GET answers, which may be known already.
fn shown(operation: Operation, media: Media, description: &'static str, schema: Value) -> Operation {
    let tag = "The SHA-256 of the body, without quotes; good for `If-None-Match`.";
    let mut answer = Answer::new(200, description).with_content(media.own, schema).with_header(
        "ETag",
        schema::pattern("^[0-9a-f]{64}$"),
        tag,
    );
    if media.item.is_some() {
        answer = answer.with_header("Item-Content-Type", schema::text(), "The media type of the items.");
    }
    let known = Answer::new(304, "The caller has it already.");
    let text = "An `ETag` of an earlier answer, with or without quotes, or several.";
    operation.answer(answer).answer(known.with_header("ETag", schema::text(), tag)).parameter(Parameter::header(
        "If-None-Match",
        schema::text(),
        text,
    ))
}

fn shaped(operation: Operation) -> Operation {
    operation
        .parameter(Parameter::query("only-fields", schema::text(), "Only these fields, with commas; none if empty."))
        .parameter(Parameter::query("only-links", schema::text(), "Only these links, with commas; none if empty."))
        .parameter(Parameter::query("expand", schema::text(), "Child resources to be shown inside, with commas."))
}

/// The operations.
pub(crate) fn operations() -> Vec<Operation> {
    [server(), repositories(), children(), history()].concat()
}

fn ok() -> Object {
    Object::new().required("stat", schema::constant("ok"), "It went well.")
}

fn object() -> Value {
    json!({"type": "object"})
}

fn server() -> Vec<Operation> {
    let root = ok()
        .required("links", schema::reference(LINKS), "Where its resources are.")
        .required("uri_templates", schema::map(schema::text()), "Where resources of a name are.")
        .required("capabilities", object(), "What the server can do.")
        .required("product", object(), "What the server is.")
        .required("site", object(), "Where the server is.");
    let info = ok().required("info", object(), "What the server is and can do.");
    let session = ok().required("session", object(), "Whether and as whom the caller is logged in.");
    let none = ok()
        .required("review_requests", schema::array_up_to(schema::anything(), 0), "Always empty.")
        .required("total_results", schema::constant(0), "None.")
        .required("links", schema::reference(LINKS), "Where the list is.");
    vec![
        shown(reads("reviewboard_root", "Look at the root of the API"), Media::ROOT, "The root.", root.schema()).text(
            "Review Board's API begins here: clients go on by its links. Every path ends in a slash; one without is sent \
             on (301). A login by token or Basic (the token as the password) is answered with the cookie of a session.",
        ),
        shown(reads("reviewboard_info", "Look at the server"), Media::INFO, "The server.", info.schema()),
        shown(reads("reviewboard_session", "Who am I"), Media::SESSION, "The session.", session.schema())
            .parameter(Parameter::query("expand", schema::text(), "`user` shows the user inside.")),
        operation("reviewboard_logout", "Log out", Scope::ReposRead, &[])
            .text("Ends the session by whose cookie it is called; elsewhere it may be believed for half a minute more.")
            .answer(Answer::new(204, "It is over.")),
        shown(
            reads("reviewboard_list_review_requests", "List review requests"),
            Media::REVIEW_REQUESTS,
            "No review requests.",
            none.schema(),
        )
        .text("There are none here; clients that ask for them end well."),
    ]
}

fn repositories() -> Vec<Operation> {
    let number = |description, default| {
        schema::described(schema::defaulting(schema::integer(0..=i64::MAX), default), description)
    };
    let text = |name, description: &'static str| Parameter::query(name, schema::text(), description);
    let listed = ok()
        .optional("repositories", schema::array_up_to(schema::reference(REPOSITORY), MAX_RESULTS), "A page of them.")
        .optional("total_results", schema::count(), "How many there are on all pages.")
        .optional("links", schema::reference(LINKS), "The list, where to add to it, and the neighbouring pages.")
        .optional("count", schema::count(), "How many there are, where that alone was asked for.");
    let one = || ok().required("repository", schema::reference(REPOSITORY), "The repository.").schema();
    let saved = |status, description| Answer::new(status, description).with_content(Media::REPOSITORY.own, one());
    let list = shown(
        reads("reviewboard_list_repositories", "List repositories"),
        Media::REPOSITORIES,
        "A page of repositories.",
        listed.schema(),
    );
    let list = shaped(list)
        .text(
            "Those that the caller may see, by number. All filters must hold; each takes several values with commas. By \
             name and path few reads are needed, whatever the registry's size; else what lists look at is walked, which \
             is believed for half a minute.",
        )
        .parameter(Parameter::query("start", number("How many to pass over.", 0), "Where the page begins."))
        .parameter(Parameter::query("max-results", number("200 at most.", RESULTS as i64), "How many a page has."))
        .parameter(text("counts-only", "Any value: only how many there are."))
        .parameter(text("name", "Names."))
        .parameter(text("path", "Paths or mirror paths."))
        .parameter(text("name-or-path", "Names, paths or mirror paths."))
        .parameter(text("tool", "Tools, by id or by name."))
        .parameter(text("hosting-service", "Hosting services; no repository here has one."))
        .parameter(text("username", "Who logs in at the remote."))
        .parameter(text("show-invisible", "Any value: hidden ones as well."))
        .parameter(text("q", "The beginning of the name; the list is then by name."));
    let changes =
        "What is not sent stays. The remote is asked before a change of it is kept: on a problem nothing is changed.";
    vec![
        list,
        operation("reviewboard_create_repository", "Register a repository", Scope::ReposWrite, &ASKED)
            .idempotent()
            .text("Of administrators of the tenant, and tools. The remote is asked first, unless `visible` is false.")
            .body_of(false, FORMS.map(|form| (form, requiring(fields(), &["name", "tool", "path"]))).into())
            .answer(saved(201, "The repository.")),
        shown(
            shaped(of_repository(reads("reviewboard_get_repository", "Look at a repository"))),
            Media::REPOSITORY,
            "The repository.",
            one(),
        ),
        of_repository(operation("reviewboard_update_repository", "Change a repository", Scope::ReposWrite, &ASKED))
            .text(changes)
            .body_of(false, FORMS.map(|form| (form, fields().schema_open())).into())
            .answer(saved(200, "The repository as it is now.")),
        of_repository(operation("reviewboard_delete_repository", "Delete or archive a repository", Scope::ReposWrite, &[
            Code::RepositoryConflict,
        ]))
        .text(
            "It is archived if rules of automation, open tasks, attachments or references from outside need it, and its \
             name and path are free at once; else it is deleted.",
        )
        .answer(Answer::new(204, "It is gone.")),
        of_repository(operation("reviewboard_override_method", "Change or delete by POST", Scope::ReposWrite, &ASKED))
            .text("`_method` says which: `PUT` or `DELETE`; without it a POST is 405.")
            .body_of(false, FORMS.map(|form| (form, overriding().schema_open())).into())
            .answer(saved(200, "The repository as it is now."))
            .answer(Answer::new(204, "It is gone."))
            .answer(Answer::new(405, "It is neither.").with_content("text/html", schema::text())),
    ]
}

fn requiring(fields: Object, names: &[&str]) -> Value {
    schema::requiring(fields.schema_open(), names)
}

fn overriding() -> Object {
    fields().optional("_method", schema::text(), "`PUT` or `DELETE`.")
}

/// What a form may say of a repository.
fn fields() -> Object {
    let flag = || json!({"type": ["boolean", "string"]});
    Object::new()
        .optional("name", schema::text_up_to(MAX_REVIEW_NAME_CHARS), "Its name.")
        .optional("tool", schema::text(), "`Git`; of a new one alone.")
        .optional("path", schema::text_up_to(MAX_PATH_CHARS), "An https, http, ssh or git URL, or user@host:path.")
        .optional("mirror_path", schema::text_up_to(MAX_PATH_CHARS), "A second address.")
        .optional("bug_tracker", schema::text_up_to(MAX_BUG_TRACKER_CHARS), "A URL with one `%s` for a bug's id.")
        .optional("encoding", schema::text_up_to(MAX_ENCODING_CHARS), "Encodings, with commas.")
        .optional("username", schema::text_up_to(MAX_USERNAME_CHARS), "Who logs in at the remote.")
        .optional("password", schema::text(), "With what; never shown.")
        .optional("raw_file_url", schema::text_up_to(MAX_PATH_CHARS), "Where single files are; kept, not needed.")
        .optional("public", flag(), "Whether all who may read anything here may read it.")
        .optional("visible", flag(), "Whether lists show it; administrators' to say.")
        .optional("trust_host", flag(), "Trust the host's key or certificate from now on; administrators' to say.")
        .optional("archive_name", flag(), "Archive it after the rest was done; of one that is there alone.")
        .optional("extra_data:json", schema::text(), "A merge patch of the free data (RFC 7396).")
        .optional("extra_data:json-patch", schema::text(), "A patch of the free data (RFC 6902).")
}

fn children() -> Vec<Operation> {
    let empty = |id, summary, media: Media, member| {
        let schema = ok()
            .required(member, schema::array_up_to(schema::anything(), 0), "Always empty.")
            .required("total_results", schema::constant(0), "None.")
            .required("links", schema::reference(LINKS), "Where the list is.");
        shown(of_repository(reads(id, summary)), media, "An empty list.", schema.schema())
    };
    vec![
        of_repository(operation(
            "reviewboard_repository_info",
            "Ask the tool about a repository",
            Scope::ReposRead,
            &[Code::NotSupported],
        ))
        .text("Git has nothing to say: always error 209."),
        empty("reviewboard_list_repository_users", "List users of a repository", Media::USERS, "users")
            .text("Who may read a repository is told by `GET /api/repos/{id}/members`."),
        empty("reviewboard_list_repository_groups", "List groups of a repository", Media::GROUPS, "groups"),
        empty(
            "reviewboard_list_diff_file_attachments",
            "List attachments of diffs",
            Media::DIFF_FILE_ATTACHMENTS,
            "diff_file_attachments",
        ),
    ]
}

/// What a remote tells.
fn history() -> Vec<Operation> {
    let asked = |id, summary| {
        let codes = [ASKED.as_slice(), &[Code::NotSupported]].concat();
        of_repository(operation(id, summary, Scope::ReposRead, &codes))
    };
    vec![
        shown(
            asked("reviewboard_list_branches", "List branches"),
            Media::BRANCHES,
            "The branches, the default one first.",
            ok().required("branches", schema::array(branch()), "The branches.").schema(),
        ),
        shown(
            asked("reviewboard_list_commits", "List commits"),
            Media::COMMITS,
            "A page of commits, newest first.",
            ok().required("commits", schema::array(commit()), "The commits.").schema(),
        )
        .parameter(Parameter::query("branch", schema::text(), "Of this branch; the default one without."))
        .parameter(Parameter::query("start", schema::text(), "From this commit on.")),
    ]
}

fn branch() -> Value {
    Object::new()
        .required("id", schema::text(), "Its name.")
        .required("name", schema::text(), "Its name.")
        .required("commit", schema::text(), "Its newest commit.")
        .required("default", schema::boolean(), "Whether it is the default one.")
        .schema()
}

fn commit() -> Value {
    Object::new()
        .required("id", schema::text(), "Its id.")
        .required("author_name", schema::text(), "Who wrote it.")
        .required("date", schema::text(), "When.")
        .required("message", schema::text(), "The whole message.")
        .required("parent", schema::text(), "The commit before it, with which a list goes on; empty for the first one.")
        .schema()
}

/// The schemas that the operations share.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let method = schema::one_of(&["GET", "POST", "PUT", "DELETE"]);
    let link = Object::new()
        .required("href", schema::text(), "The whole address.")
        .required("method", method, "How it is called.")
        .optional("title", schema::text(), "Its name for people.");
    let repository = Object::new()
        .optional("id", schema::count(), "Its number.")
        .optional("name", schema::text(), "Its name, with its namespace in front outside the usual one.")
        .optional("path", schema::text(), "Where it is.")
        .optional("mirror_path", schema::text(), "A second address; empty for none.")
        .optional("tool", schema::constant("Git"), "What keeps it.")
        .optional("bug_tracker", schema::text(), "Where its bugs are; empty for nowhere.")
        .optional("visible", schema::boolean(), "Whether lists show it.")
        .optional("extra_data", object(), "Free data.")
        .optional("requires_basedir", schema::boolean(), "A property of the tool.")
        .optional("requires_change_number", schema::boolean(), "A property of the tool.")
        .optional("supports_post_commit", schema::boolean(), "A property of the tool.")
        .optional("links", schema::reference(LINKS), "What can be done with it, and what lies below it.")
        .optional("repository_users", schema::array(schema::anything()), "Where asked for.")
        .optional("repository_groups", schema::array(schema::anything()), "Where asked for.")
        .optional("diff_file_attachments", schema::array(schema::anything()), "Where asked for.")
        .optional("_expanded", object(), "What was asked for to be shown inside.");
    let wrong = Object::new()
        .required("code", schema::count(), "The number of the error.")
        .required("type", schema::text(), "Its name.")
        .required("msg", schema::text(), "A sentence for people.");
    let error = Object::new()
        .required("stat", schema::constant("fail"), "It did not go well.")
        .required("err", wrong.schema(), "What went wrong.")
        .optional("fields", schema::map(schema::array(schema::text())), "What is wrong with which field.");
    vec![(REPOSITORY, repository.schema()), (LINKS, schema::map(link.schema())), (ERROR, error.schema_open())]
}
