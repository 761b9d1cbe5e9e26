//! Users with tokens, and tenants with administrators, made through the API.

use crate::{Client, TestApp};
use serde_json::{Value, json};

/// Every scope that a token of a tenant can have.
const SCOPES: [&str; 5] = ["repos:read", "repos:write", "tasks:read", "tasks:write", "admin"];

/// A user of the default tenant with a token of every scope.
#[derive(Clone)]
pub struct Person {
    /// The user's id.
    pub id: String,
    /// The user's name.
    pub username: String,
    /// The token's text.
    pub token: String,
    /// Calls with that token.
    pub client: Client,
}

/// A tenant and its first administrator.
#[derive(Clone)]
pub struct Tenant {
    /// The tenant's id.
    pub id: String,
    /// The administrator's user id.
    pub administrator: String,
    /// The administrator's token.
    pub token: String,
    /// Calls with that token.
    pub client: Client,
}

impl TestApp {
    /// A user without any role in the tenant.
    pub async fn person(&self, username: &str) -> Person {
        self.person_with(json!({"username": username})).await
    }

    /// A user as described by the body of `POST /api/users`.
    pub async fn person_with(&self, body: Value) -> Person {
        let user = self.admin().post("/api/users", body).await.expect(201);
        let id = user.text("/user/id");
        let body = json!({"name": "first", "userId": id, "scopes": SCOPES});
        let token = self.admin().post("/api/access-tokens", body).await.expect(201).text("/token");
        Person { id, username: user.text("/user/username"), client: self.client(token.clone()), token }
    }

    /// A user who is a member of a repository, in a role.
    pub async fn member(&self, repo: &str, username: &str, role: &str) -> Person {
        let person = self.person(username).await;
        let body = json!({"userId": person.id, "role": role});
        self.admin().post(&format!("/api/repos/{repo}/members"), body).await.expect(201);
        person
    }

    /// Another tenant, whose administrator is called like the tenant.
    pub async fn tenant(&self, name: &str) -> Tenant {
        let made = self.admin().post("/api/tenants", json!({"tenant": name, "username": name})).await.expect(201);
        let token = made.text("/token");
        Tenant {
            id: made.text("/tenant/id"),
            administrator: made.text("/administrator/id"),
            client: self.client(token.clone()),
            token,
        }
    }
}

impl Client {
    /// The text of a new token of this client's user.
    pub async fn token(&self, body: Value) -> String {
        self.post("/api/access-tokens", body).await.expect(201).text("/token")
    }
}
