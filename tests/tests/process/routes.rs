//! One list of routes in three places: the template, cargo lambda's router, and the paths that the functions answer.

use crate::workspace::{cargo_says, read};
use serde_json::Value;
use std::collections::BTreeSet;

/// A route as (path with `*` for a greedy rest, function).
type Routes = BTreeSet<(String, String)>;

/// The template's routes; `$default` is `*`.
fn of_template() -> Routes {
    let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(&read("infra/template.yaml")).expect("YAML");
    let resources = template["Resources"].as_mapping().expect("resources");
    let routes = resources.values().filter(|resource| resource["Type"].as_str() == Some("AWS::ApiGatewayV2::Route"));
    let text = |value: &serde_yaml_ng::Value| {
        let value = if let serde_yaml_ng::Value::Tagged(tagged) = value { &tagged.value } else { value };
        value.as_str().expect("a text").to_owned()
    };
    // `integrations/${ReposIntegration}` names a resource whose uri is `Repos.Alias`.
    let function = |target: &str| {
        let integration = target.split_once("${").and_then(|(_, rest)| rest.split_once('}')).expect("an integration").0;
        let uri = text(&template["Resources"][integration]["Properties"]["IntegrationUri"]);
        uri.trim_end_matches(".Alias").to_ascii_lowercase()
    };
    routes
        .map(|route| {
            let key = text(&route["Properties"]["RouteKey"]);
            let path = key.strip_prefix("ANY ").map_or_else(|| "*".to_owned(), |path| path.replace("{proxy+}", "*"));
            (path, function(&text(&route["Properties"]["Target"])))
        })
        .collect()
}

/// cargo lambda's routes. A prefix has one route more there, for its trailing slash, and the catch-all one for `/`.
fn of_cargo_lambda() -> Routes {
    let metadata: Value =
        serde_json::from_str(&cargo_says(&["metadata", "--no-deps", "--format-version", "1"])).expect("JSON");
    let router = metadata["metadata"]["lambda"]["watch"]["router"].as_array().expect("routes");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let routes = router.iter().map(|route| (text(&route["path"]), text(&route["function"])));
    routes
        .filter(|(path, _)| !path.ends_with('/'))
        .map(|(path, function)| match path.as_str() {
            "/{*path}" => ("*".to_owned(), function),
            _ => (path.replace("{*rest}", "*"), function),
        })
        .collect()
}

/// Every path that a function answers, by function.
fn of_routers() -> Vec<(String, String)> {
    let routes = repoplane_tests::routes().into_iter();
    routes.map(|(function, route)| (route.path.to_owned(), function.to_owned())).collect()
}

/// The function that the longest matching route leads to, as API Gateway picks (HTTP APIs: routing).
fn picked(routes: &Routes, path: &str) -> String {
    let matches = |route: &str| {
        let (mut route, mut path) = (route.split('/'), path.split('/'));
        loop {
            match (route.next(), path.next()) {
                (Some("*"), Some(_)) | (None, None) => return true,
                (Some(part), Some(given)) if part == given || part.starts_with('{') => {}
                _ => return false,
            }
        }
    };
    let found = routes.iter().filter(|(route, _)| route != "*" && matches(route)).max_by_key(|(route, _)| route.len());
    found.map_or_else(|| "repos".to_owned(), |(_, function)| function.clone())
}

#[test]
fn the_template_and_cargo_lambda_route_alike() {
    assert_eq!(of_template(), of_cargo_lambda());
}

#[test]
fn every_path_that_a_function_answers_is_routed_to_it() {
    let routes = of_template();
    for (path, function) in of_routers() {
        assert_eq!(picked(&routes, &path), function, "{path}");
    }
}
