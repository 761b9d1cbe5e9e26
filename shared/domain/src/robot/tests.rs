use super::*;
use crate::credential::{
    AccountProfiles, CredentialProfiles, CredentialStores, GitProfile, GitTokenKind, ModelProfile, ProfileSet,
    SecretEdit, Site,
};
use crate::error::{DomainError, FieldError};
use crate::id::IdSource;
use crate::repository::{Provider, Repository};
use serde_json::{Value, json};
use std::collections::BTreeMap;

mod activation;
mod create;
mod create_texts;
mod model;
mod patch;
mod properties;
mod removal;
mod view;

/// What no serialised form may ever hold.
const CANARY: &str = "canary-7f3a9c";

struct Fixed(u128);
impl IdSource for Fixed {
    fn random(&self) -> u128 {
        self.0
    }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_768_896_000_000 + ms)
}

fn repository_id() -> RepositoryId {
    RepositoryId::new(at(0), &Fixed(1))
}

fn caller() -> UserId {
    UserId::new(at(0), &Fixed(2))
}

/// Profiles `<prefix>1` with a value and `<prefix>0` without, for git and for every model provider.
fn profiles(prefix: &str, default: Option<&str>) -> CredentialProfiles {
    let git = |n: u8, has_token| GitProfile {
        id: format!("{prefix}{n}"),
        remark: "r".to_owned(),
        has_token,
        clone_username: None,
        token_kind: GitTokenKind::default(),
        app_id: None,
        installation_id: None,
        access: None,
        url_prefix: None,
        created_at: at(0),
        updated_at: at(0),
    };
    let model = |n: u8, has_api_key: bool| ModelProfile {
        id: format!("{prefix}{n}"),
        remark: "r".to_owned(),
        api_base_url: has_api_key.then(|| "https://proxy/v1".to_owned()),
        has_api_key,
        created_at: at(0),
        updated_at: at(0),
    };
    let default_profile_id = default.map(str::to_owned);
    CredentialProfiles {
        repo_provider: ProfileSet {
            profiles: vec![git(1, true), git(0, false)],
            default_profile_id: default_profile_id.clone(),
        },
        model_provider: ModelProvider::ALL
            .into_iter()
            .map(|provider| {
                let profiles = vec![model(1, true), model(0, false)];
                (provider, ProfileSet { profiles, default_profile_id: default_profile_id.clone() })
            })
            .collect(),
    }
}

/// The same for an account, for GitHub.
fn account(prefix: &str, default: Option<&str>) -> AccountProfiles {
    let CredentialProfiles { repo_provider, model_provider } = profiles(prefix, default);
    AccountProfiles { git: [(Provider::Github, repo_provider)].into(), models: model_provider }
}

/// A repository with its own store, and all other stores unless a test takes them away.
struct World {
    repo: CredentialProfiles,
    users: BTreeMap<UserId, AccountProfiles>,
    global: Option<AccountProfiles>,
    robots: Vec<Robot>,
    site: Option<Site>,
}

impl World {
    fn new() -> Self {
        let users = [(caller(), account("u", None))].into();
        let site = Site::of_api(Provider::Github, None);
        Self { repo: profiles("p", None), users, global: Some(account("g", None)), robots: Vec::new(), site }
    }

    fn without_other_stores() -> Self {
        Self { users: BTreeMap::new(), global: None, ..Self::new() }
    }

    fn stores(&self) -> CredentialStores<'_> {
        CredentialStores {
            provider: Provider::Github,
            url: None,
            site: self.site.as_ref(),
            repo: &self.repo,
            users: &self.users,
            global: self.global.as_ref(),
        }
    }

    fn context(&self) -> RobotContext<'_> {
        RobotContext { repository: repository_id(), robots: &self.robots, stores: self.stores(), caller: caller() }
    }

    fn create(&self, body: &Value) -> Result<RobotChange, DomainError> {
        CreateRobot::read(body).apply(&self.context(), at(0), &Fixed(9))
    }

    fn patch(&self, robot: &Robot, body: &Value) -> Result<RobotChange, DomainError> {
        PatchRobot::read(body).apply(robot, &self.context(), at(1))
    }
}

/// The smallest body that is fine: both credentials are the repository's.
fn body() -> Value {
    json!({
        "name": "rev-bot",
        "promptDefault": "review {{ref}}",
        "repoCredentialSource": "repo",
        "repoCredentialProfileId": "p1",
        "modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "p1"},
    })
}

/// That body with some members replaced; an explicit `"<absent>"` takes one away.
fn body_with(changes: &Value) -> Value {
    let mut body = body();
    for (key, value) in changes.as_object().expect("changes are an object") {
        if value == "<absent>" {
            body.as_object_mut().expect("the body is an object").remove(key);
        } else {
            body[key] = value.clone();
        }
    }
    body
}

/// A robot with its own token and key.
fn own(world: &World) -> RobotChange {
    let changes = json!({
        "repoCredentialSource": "robot",
        "repoCredentialProfileId": null,
        "token": "own-token",
        "modelProviderConfig": {"credentialSource": "robot", "credential": {"apiKey": "own-key", "remark": "mine"}},
    });
    world.create(&body_with(&changes)).expect("the robot is created")
}

/// That robot after a passing test.
fn active(world: &World) -> Robot {
    let account = TokenAccount {
        user_id: Some("7".to_owned()),
        username: Some("rev-bot".to_owned()),
        role: Some("write".to_owned()),
        ..TokenAccount::default()
    };
    let robot = own(world).robot;
    let plan = plan_test(&robot, &repository(Provider::Github), &[], &world.stores()).expect("the test can run");
    plan.conclude(&robot, &[], TestVerdict::Passed(account), None, at(1)).expect("the test concludes").robot
}

/// Read from its stored form, so that fields of no interest here may come and go.
fn repository(provider: Provider) -> Repository {
    serde_json::from_value(json!({
        "id": repository_id(),
        "number": 1,
        "tenant": crate::id::TenantId::new(at(0), &Fixed(3)),
        "namespace": "registry",
        "name": "acme/widgets",
        "provider": provider,
        "retention_days": 30,
        "enabled": true,
        "webhook": {"secret": {"kind": "derived", "generation": 1}, "verification": true, "generation": 1},
        "created_at": at(0),
        "updated_at": at(0),
        "version": 1,
    }))
    .expect("the stored form of a repository")
}

fn errors<T: std::fmt::Debug>(result: Result<T, DomainError>) -> Vec<FieldError> {
    let error = result.expect_err("the body is refused");
    let DomainError::Invalid(errors) = error else { panic!("not a list of fields: {error:?}") };
    errors.as_slice().to_vec()
}

/// The only error, as (pointer, message).
fn only_error<T: std::fmt::Debug>(id: &str, result: Result<T, DomainError>) -> (String, String) {
    let errors = errors(result);
    assert_eq!(errors.len(), 1, "{id}: {errors:?}");
    (errors[0].pointer.clone(), errors[0].message.clone())
}

fn edits(secrets: &[SecretEdit]) -> Vec<(String, Option<String>)> {
    let value = |edit: &SecretEdit| edit.value.as_ref().map(|secret| secret.expose().to_owned());
    secrets.iter().map(|edit| (edit.name.to_string(), value(edit))).collect()
}
