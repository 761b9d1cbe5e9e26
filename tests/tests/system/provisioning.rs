//! A project at a provider and its registration are made as one: whatever fails on the way, both are as they were.

mod call;
mod connect;
mod save;

use http::Method;
use repoplane_domain::id::{CredentialId, TenantId, UserId};
use repoplane_domain::product::Visibility;
use repoplane_domain::provisioning::ProjectHome;
use repoplane_domain::repository::Provider;
use repoplane_local::double::{ADMIN_TOKEN, Forges};
use repoplane_provisioning::{Failed, Provisioner, Ready, Wanted};
use repoplane_tests::TestApp;
use serde_json::{Value, json};

/// Both providers with an API.
const PROVIDERS: [Provider; 2] = [Provider::Github, Provider::Gitlab];
/// Where the tests make projects.
const OWNER: &str = "forge";

/// Projects, keys and hooks of a provider where nothing was made.
const NOTHING: [Vec<Value>; 3] = [Vec::new(), Vec::new(), Vec::new()];

/// An application with a credential for its double.
struct Stage {
    app: TestApp,
    provider: Provider,
    home: ProjectHome,
    tenant: TenantId,
    user: UserId,
}

impl Stage {
    async fn new(provider: Provider) -> Self {
        let app = TestApp::start_with_double().await;
        let body = json!({"name": "maker", "type": "git_pat", "secret": ADMIN_TOKEN});
        let made = app.admin().post("/credentials", body).await.expect(201);
        let credential: CredentialId = made.text("/id").parse().expect("an id");
        let me = app.admin().get("/api/me").await.expect(200).body;
        let id =
            |pointer: &str| me.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{me}")).to_owned();
        let double = app.double.as_ref().expect("a double");
        let base = if provider == Provider::Github { double.github() } else { double.gitlab() };
        let (owner, api_base_url) = (OWNER.to_owned(), Some(base));
        let home = ProjectHome { provider, api_base_url, owner, credential };
        let (tenant, user) =
            (id("/tenant/id").parse().expect("an id"), id("/principal/userId").parse().expect("an id"));
        Self { app, provider, home, tenant, user }
    }

    fn forges(&self) -> &Forges {
        self.app.double.as_ref().expect("a double").forges()
    }

    fn provisioner(&self) -> Provisioner {
        self.app.provisioner()
    }

    fn wanted(&self, name: &str) -> Wanted {
        let event = if self.provider == Provider::Github { "push" } else { "push_events" };
        Wanted {
            tenant: self.tenant,
            user: self.user,
            home: self.home.clone(),
            namespace: "product/demo".to_owned(),
            name: name.to_owned(),
            display_name: (self.provider == Provider::Gitlab).then(|| "Shop Front".to_owned()),
            visibility: Some(Visibility::Private),
            description: Some("The shop".to_owned()),
            events: [event.to_owned()].into(),
        }
    }

    async fn save(&self, name: &str) -> Result<Ready, Failed> {
        let now = self.app.app().now();
        self.provisioner().save(&self.wanted(name), now).await
    }

    /// All that is at the provider.
    fn outside(&self) -> [Vec<Value>; 3] {
        let forges = self.forges();
        [forges.projects(self.provider), forges.deploy_keys(self.provider), forges.hooks(self.provider)]
    }

    /// What is written down of calls that did not end.
    async fn intents(&self) -> usize {
        let items = self.app.items().await;
        items.iter().filter(|item| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("INTENT#"))).count()
    }

    /// Path of a step, as its provider's API has it.
    fn path(&self, step: &str) -> &'static str {
        match (self.provider, step) {
            (Provider::Github, "create") => "/orgs/forge/repos",
            (Provider::Github, "owner") => "/users/forge",
            (Provider::Github, "project") => "/repos/forge/web",
            (Provider::Github, "keys") => "/keys",
            (_, "create") => "/projects",
            (_, "owner") => "/groups/forge",
            (_, "project") => "",
            (_, "keys") => "/deploy_keys",
            (_, "hooks") => "/hooks",
            _ => panic!("{step}"),
        }
    }

    fn edit_method(&self) -> Method {
        if self.provider == Provider::Github { Method::PATCH } else { Method::PUT }
    }
}
