//! The hosts that a tenant trusts by themselves, for the API's document.

use crate::trusted_hosts::{CERTIFICATE, SSH_KEY};
use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Operation, Parameter};
use repoplane_api::problem::ProblemType;
use repoplane_api::query::{DEFAULT_PAGE, MAX_PAGE};
use repoplane_domain::input::MAX_TEXT_BYTES;
use repoplane_domain::trusted_host::{HOST_KEY_ALGORITHMS, MAX_TRUSTED_HOSTS};
use serde_json::{Value, json};

const TAG: &str = "Trusted hosts";

pub(super) fn operations() -> Vec<Operation> {
    let admin = |id, summary| Operation::new(id, TAG, summary).access(Access::Administrator);
    let place = || schema::pattern(r"^[A-Za-z0-9._\-:\[\]]+:[0-9]{1,5}$");
    let one = |id, summary| {
        let text = "The host and its port: `git.example.com:22`, `[2001:db8::1]:443`. Names are of one case.";
        admin(id, summary).path("host", place(), text)
    };
    let shown = || Object::new().required("host", schema::reference("TrustedHost"), "The host.");
    vec![
        admin("trusted_hosts_list", "List the hosts that the tenant trusts")
            .text("By name. `nextCursor` is there only when there is more.")
            .parameter(Parameter::limit(DEFAULT_PAGE, MAX_PAGE))
            .parameter(Parameter::cursor())
            .ok(
                "A page of hosts.",
                Object::new()
                    .required("hosts", schema::array(schema::reference("TrustedHost")), "The hosts.")
                    .optional("nextCursor", schema::text(), "For the next page, if there is one."),
            )
            .problem(ProblemType::ValidationFailed, &["INVALID_CURSOR"]),
        one("trusted_hosts_get", "Look at a host that the tenant trusts").ok("The host.", shown()),
        one("trusted_hosts_set", "Trust a host")
            .conditional()
            .text(format!(
                "By exactly this key of its ssh server, or by exactly this certificate, whatever else is wrong with it; at \
                 this port alone. What was known of the host before is replaced; what is stated again stays as it is. Until \
                 an ssh server's key is known, nothing is told to it. A tenant trusts at most {MAX_TRUSTED_HOSTS} hosts."
            ))
            .body(statement())
            .ok("The host as it is known now.", shown())
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
        one("trusted_hosts_delete", "Forget a host")
            .conditional()
            .text("An ssh server is unknown again; a certificate needs an authority again.")
            .ok("It is gone.", schema::reference("Done"))
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"]),
    ]
}

/// What a host is known by: one of two.
fn statement() -> Value {
    let line = format!(r"^\s*({})\s+[A-Za-z0-9+/]+={{0,2}}(\s|$)", HOST_KEY_ALGORITHMS.join("|"));
    let key = json!({"type": "string", "maxLength": MAX_TEXT_BYTES, "pattern": line});
    let key = Object::new().required(
        "key",
        key,
        "The public key in OpenSSH's form, `ssh-ed25519 AAAA…`, as `ssh-keyscan` prints it; a comment is dropped.",
    );
    let sha256 = schema::pattern(r"^\s*[0-9A-Fa-f]{64}\s*$");
    let certificate =
        Object::new().required("certificateSha256", sha256, "SHA-256 of the certificate, in hexadecimal.");
    json!({"oneOf": [key.schema(), certificate.schema()]})
}

/// One host.
pub(super) fn host() -> Value {
    Object::new()
        .required("host", schema::text(), "The host and its port.")
        .required("kind", schema::one_of(&[SSH_KEY, CERTIFICATE]), "How it is known again.")
        .optional("key", schema::text(), "The key of its ssh server in OpenSSH's form, for `ssh_key`.")
        .optional("fingerprint", schema::pattern("^SHA256:"), "That key's, as `ssh-keygen -l` shows it, for `ssh_key`.")
        .optional(
            "certificateSha256",
            schema::pattern("^[0-9a-f]{64}$"),
            "SHA-256 of its certificate, for `certificate`.",
        )
        .required("trustedBy", schema::text(), "The name of who trusted it.")
        .required("trustedAt", schema::time(), "When.")
        .schema()
}
