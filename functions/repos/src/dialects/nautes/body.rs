//! Bodies as Go decodes them (contract: nautes 1): unknown members are ignored, `null` is as absent, names may be those of the
//! protocol buffers, and what has a wrong type is told as a failure to unmarshal.

use axum::extract::{FromRequest, Request};
use http::header;
use repoplane_api::Problem;
use repoplane_api::body::{MAX_BODY_BYTES, read};
use repoplane_api::problem::ProblemType;
use repoplane_domain::product::{GitSide, SaidGit, SaveCodeRepo, SaveProduct, invalid_body};
use serde_json::{Map, Value};

/// A body that was decoded; `None` for `null` and for none at all.
pub(crate) struct Decoded(Option<Value>);

impl<S: Send + Sync> FromRequest<S> for Decoded {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = given.and_then(|text| text.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
        let bytes = read(request, MAX_BODY_BYTES).await?;
        // `application/json` and any other that ends so.
        if essence.split_once('/').is_none_or(|(_, form)| form != "json") {
            let shown: String = essence.chars().take(100).collect();
            return Err(codec(format!("unregister Content-Type: {shown}; send application/json")));
        }
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        let body: Value = serde_json::from_slice(&bytes).map_err(|error| unmarshal(&error.to_string()))?;
        Ok(Self(Some(body).filter(|body| !body.is_null())))
    }
}

fn codec(text: String) -> Problem {
    Problem::new(ProblemType::MalformedBody, text)
}

fn unmarshal(what: &str) -> Problem {
    codec(format!("body unmarshal {what}"))
}

impl Decoded {
    /// The body of a Save of a repository.
    pub(super) fn code_repo(&self) -> Result<SaveCodeRepo, Problem> {
        let Some(body) = self.message()? else {
            return Err(invalid_body("", &["invalid SaveRequest.Body: value is required"]).into());
        };
        let webhook = body.message("webhook")?;
        let events = match &webhook {
            Some(webhook) => webhook.texts(&["events", "Events"])?,
            None => Vec::new(),
        };
        Ok(SaveCodeRepo {
            project: body.text("project")?,
            webhook_events: events,
            deployment_runtime: body.boolean(&["deployment_runtime", "DeploymentRuntime"])?,
            pipeline_runtime: body.boolean(&["pipeline_runtime", "PipelineRuntime"])?,
            git: body.git()?,
        })
    }

    /// The body of a Save of a product.
    pub(super) fn product(&self) -> Result<SaveProduct, Problem> {
        let git = match self.message()? {
            Some(body) => body.git()?,
            None => None,
        };
        Ok(SaveProduct { git })
    }

    /// The language of a Save of a project.
    pub(super) fn language(&self) -> Result<String, Problem> {
        self.message()?.map_or_else(|| Ok(String::new()), |body| body.text("language"))
    }

    fn message(&self) -> Result<Option<Message<'_>>, Problem> {
        match &self.0 {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Message(members))),
            Some(_) => Err(unmarshal("the body must be an object")),
        }
    }
}

/// One object of a body.
struct Message<'a>(&'a Map<String, Value>);

impl<'a> Message<'a> {
    /// A member by any of its names.
    fn member(&self, names: &[&str]) -> Option<&'a Value> {
        names.iter().filter_map(|name| self.0.get(*name)).find(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<String, Problem> {
        match self.member(&[name]) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(unmarshal(&format!("{name} must be a string"))),
        }
    }

    fn boolean(&self, names: &[&str]) -> Result<bool, Problem> {
        match self.member(names) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(unmarshal(&format!("{} must be true or false", names.join(" or ")))),
        }
    }

    fn texts(&self, names: &[&str]) -> Result<Vec<String>, Problem> {
        let wrong = || unmarshal(&format!("{} must be a list of strings", names.join(" or ")));
        let Some(value) = self.member(names) else { return Ok(Vec::new()) };
        let list = value.as_array().ok_or_else(wrong)?;
        list.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
    }

    fn message(&self, name: &str) -> Result<Option<Self>, Problem> {
        match self.member(&[name]) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Message(members))),
            Some(_) => Err(unmarshal(&format!("{name} must be an object"))),
        }
    }

    fn git(&self) -> Result<Option<SaidGit>, Problem> {
        let Some(git) = self.message("git")? else { return Ok(None) };
        let side = |name: &str| git.message(name)?.map(|side| side.side()).transpose();
        Ok(Some(SaidGit { gitlab: side("gitlab")?, github: side("github")? }))
    }

    fn side(&self) -> Result<GitSide, Problem> {
        // Clients send the addresses of an answer back; they are the server's to say.
        for address in ["ssh_url_to_repo", "http_url_to_repo"] {
            self.text(address)?;
        }
        Ok(GitSide {
            name: self.text("name")?,
            path: self.text("path")?,
            visibility: self.text("visibility")?,
            description: self.text("description")?,
        })
    }
}
