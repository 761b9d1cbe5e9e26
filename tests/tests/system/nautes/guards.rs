//! What keeps a repository, a project or a product from being deleted.

use super::{DEMO, Host, body, product, refusal, repo, smallest};
use repoplane_tests::TestApp;
use serde_json::{Value, json};

fn in_use() -> (u16, String) {
    (409, "RESOURCE_IN_USE".to_owned())
}

/// The native path of the repository that is listed first.
async fn native(host: &Host) -> String {
    let listed = host.app.admin().get("/api/repos?archived=all").await.expect(200);
    format!("/api/repos/{}", listed.text("/repos/0/id"))
}

#[tokio::test]
async fn a_repository_in_use_stays_unless_the_check_is_skipped() {
    for what in ["robots", "automation", "attachments"] {
        let host = Host::of(TestApp::start_with_double().await).await;
        host.save("web", body()).await.expect(200);
        let path = native(&host).await;
        let id = path.trim_start_matches("/api/repos/").to_owned();
        let admin = host.app.admin();
        match what {
            "attachments" => {
                let target = format!("/tenants/tnt_a/repositories/{id}");
                admin.put(&target, json!({"is_default": true})).await.expect(201);
            }
            _ => {
                let robot = json!({
                    "name": "Triage", "promptDefault": "p", "token": "t",
                    "modelProviderConfig": {"credentialSource": "robot", "credential": {"apiKey": "k"}},
                });
                admin.post(&format!("{path}/robots"), robot).await.expect(201);
            }
        }
        assert_eq!(refusal(&host.key.delete(&repo("web")).await), in_use(), "{what}");
        host.shown("web").await;
        host.key.delete(&format!("{}?insecure_skip_check=true", repo("web"))).await.expect(200);
        assert_eq!(refusal(&host.key.get(&repo("web")).await).1, "PROJECT_NOT_FOUND", "{what}");
        host.check().await;
    }
}

#[tokio::test]
async fn an_archived_repository_is_shown_and_not_written() {
    let host = Host::new().await;
    host.save("web", body()).await.expect(200);
    let path = native(&host).await;
    host.app.admin().post(&format!("{path}/archive"), Value::Null).await.expect(200);
    assert_eq!(host.shown("web").await["name"], "web");
    let archived = (409, "RESOURCE_ARCHIVED".to_owned());
    assert_eq!(refusal(&host.save("web", smallest()).await), archived);
    assert_eq!(refusal(&host.key.delete(&repo("web")).await), archived);
    host.app.admin().post(&format!("{path}/unarchive"), Value::Null).await.expect(200);
    host.save("web", smallest()).await.expect(200);
    host.key.delete(&repo("web")).await.expect(200);
    host.check().await;
}

#[tokio::test]
async fn a_project_stays_while_a_repository_names_it() {
    let host = Host::new().await;
    let shop = format!("{DEMO}/projects/shop");
    host.save("web", body()).await.expect(200);
    assert_eq!(refusal(&host.key.delete(&shop).await), in_use());
    host.save("web", smallest()).await.expect(200);
    host.key.delete(&shop).await.expect(200);
    host.key.delete(&shop).await.expect(200);
    assert_eq!(refusal(&host.key.get(&shop).await), (404, "RESOURCE_NOT_FOUND".to_owned()));
    host.check().await;
}

#[tokio::test]
async fn a_product_goes_with_its_projects_and_not_with_its_repositories() {
    let host = Host::new().await;
    host.save("web", body()).await.expect(200);
    assert_eq!(refusal(&host.key.delete(DEMO).await), in_use());
    host.key.delete(&repo("web")).await.expect(200);
    for n in 0..45 {
        host.key.post(&format!("{DEMO}/projects/p{n}"), json!({})).await.expect(200);
    }
    host.key.delete(DEMO).await.expect(200);
    assert_eq!(refusal(&host.key.delete(DEMO).await), (404, "GROUP_NOT_FOUND".to_owned()));
    host.check().await;
    // One that is made anew has nothing of the old one.
    host.key.post(DEMO, product()).await.expect(200);
    assert_eq!(host.key.get(&format!("{DEMO}/projects")).await.expect(200).body, json!({"items": []}));
    host.key.delete(DEMO).await.expect(200);
    host.check().await;
}

#[tokio::test]
async fn a_native_deletion_lets_go_of_product_and_project() {
    let host = Host::new().await;
    host.save("web", body()).await.expect(200);
    let path = native(&host).await;
    host.app.admin().delete(&path).await.expect(200);
    host.check().await;
    host.key.delete(&format!("{DEMO}/projects/shop")).await.expect(200);
    host.key.delete(DEMO).await.expect(200);
    host.check().await;
}

#[tokio::test]
async fn what_is_registered_elsewhere_is_not_managed() {
    let host = Host::new().await;
    let native = json!({"provider": "git", "name": "elsewhere", "remoteUrl": "https://git.invalid/demo/web.git"});
    host.app.admin().post("/api/repos", native).await.expect(201);
    assert_eq!(refusal(&host.key.get(&repo("web")).await), (404, "RESOURCE_NOT_FOUND".to_owned()));
    assert_eq!(refusal(&host.key.delete(&repo("web")).await), (404, "NODE_NOT_FOUND".to_owned()));
    // A product knows its own by path: the other keeps its identity.
    host.save("web", body()).await.expect(200);
    host.shown("web").await;
    host.check().await;
    host.key.delete(&repo("web")).await.expect(200);
    host.check().await;
}
