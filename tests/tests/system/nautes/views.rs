//! One repository saved here, seen through the other APIs.

use super::{Host, body, repo};
use serde_json::json;

#[tokio::test]
async fn one_record_is_seen_by_all() {
    let host = Host::new().await;
    host.save("web", body()).await.expect(200);
    let admin = host.app.admin();
    let native = admin.get("/api/repos").await.expect(200);
    let id = native.text("/repos/0/id");
    assert_eq!(native.text("/repos/0/name"), "product/demo/web");
    let shown = admin.get(&format!("/api/repos/{id}")).await.expect(200);
    assert_eq!(shown.text("/repo/remoteUrl"), "https://git.invalid/demo/web.git");
    assert_eq!(shown.text("/repo/namespace"), "product/demo");
    assert_eq!(shown.text("/repo/provider"), "git");
    assert_eq!(shown.text("/repo/description"), "shop front end");
    let dialect = host.key.get(&format!("/repositories/{id}")).await.expect(200);
    assert_eq!(dialect.text("/name"), "product/demo/web");
    assert_eq!(dialect.text("/repo_url"), "https://git.invalid/demo/web.git");
    assert_eq!((dialect.text("/branch"), dialect.text("/provider")), ("main".to_owned(), "generic".to_owned()));
    assert_eq!(dialect.text("/sync/state"), "pending");
    let path = format!("/api/repos/{id}");
    assert_eq!(admin.patch(&path, json!({"name": "other"})).await.expect(400).wrong_fields(), ["/name"]);
    admin.patch(&path, json!({"name": "product/demo/web"})).await.expect(200);
    // What is changed there is shown here.
    admin.patch(&format!("/api/repos/{id}"), json!({"description": "seen"})).await.expect(200);
    assert_eq!(host.shown("web").await["git"]["gitlab"]["description"], "seen");
    assert_eq!(host.app.audit_of(&id).await, ["REPO_CREATED", "REPO_UPDATED", "REPO_UPDATED"]);
    host.save("web", body()).await.expect(200);
    host.key.delete(&repo("web")).await.expect(200);
    assert_eq!(
        host.app.audit_of(&id).await,
        ["REPO_CREATED", "REPO_UPDATED", "REPO_UPDATED", "REPO_UPDATED", "REPO_DELETED"]
    );
    admin.get(&format!("/api/repos/{id}")).await.expect(404);
    host.check().await;
}
