//! GitHub's OpenAPI description, as far as requests are looked up in it.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

pub(super) struct Description(Value);

/// One operation of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operation {
    /// The path with its parameters' names.
    pub(super) template: String,
    /// Names of query parameters.
    pub(super) query: BTreeSet<String>,
    /// Names of the body's members; those of a member's own come after its name and a dot.
    pub(super) members: BTreeSet<String>,
}

impl Description {
    pub(super) fn read(file: &Path) -> Self {
        Self(serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
    }

    /// The operation of a method and path. Where several fit, the one with the fewest parameters is meant (OpenAPI
    /// 3.0: path templating).
    pub(super) fn operation(&self, method: &str, path: &str) -> Option<Operation> {
        let parameters = |template: &str| template.matches('{').count();
        let paths = self.0["paths"].as_object().unwrap();
        let fitting = paths.iter().filter(|(template, _)| fits(template, path));
        let (template, item) = fitting.min_by_key(|(template, _)| parameters(template))?;
        let operation = item.get(method.to_ascii_lowercase())?;
        let all = operation["parameters"].as_array().into_iter().flatten().map(|parameter| self.resolve(parameter));
        let query = all.filter(|parameter| parameter["in"] == "query").map(|parameter| parameter["name"].as_str());
        let mut members = BTreeSet::new();
        let body = self.resolve(&operation["requestBody"]);
        self.collect(&body["content"]["application/json"]["schema"], "", &mut members);
        let query = query.map(|name| name.unwrap().to_owned()).collect();
        Some(Operation { template: template.clone(), query, members })
    }

    /// Names of an object's members and of theirs.
    fn collect(&self, schema: &Value, prefix: &str, members: &mut BTreeSet<String>) {
        let schema = self.resolve(schema);
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            members.insert(format!("{prefix}{name}"));
            self.collect(member, &format!("{prefix}{name}."), members);
        }
    }

    fn resolve<'v>(&'v self, value: &'v Value) -> &'v Value {
        match value["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (mut expected, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (expected.next(), given.next()) {
            (None, None) => return true,
            (Some(expected), Some(given)) if expected == given || expected.starts_with('{') => {}
            _different => return false,
        }
    }
}
