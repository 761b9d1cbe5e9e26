//! The routes of a function, each with the id of its operation: what is served and what is documented is one list.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use http::Method;

/// One operation as it is routed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The `operationId` of the OpenAPI document.
    pub id: &'static str,
    /// The method.
    pub method: Method,
    /// The path with its parameters in braces.
    pub path: &'static str,
}

/// The routes of one function.
#[derive(Debug)]
pub struct Routes<S> {
    router: Router<S>,
    list: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// None yet.
    #[expect(clippy::new_without_default, reason = "an empty list of routes is only a beginning")]
    pub fn new() -> Self {
        Self { router: Router::new(), list: Vec::new() }
    }

    /// An operation that reads; HEAD comes with it.
    #[must_use]
    pub fn get<T: 'static>(self, id: &'static str, path: &'static str, handler: impl Handler<T, S>) -> Self {
        self.add(id, (Method::GET, MethodFilter::GET), path, handler)
    }

    /// An operation that creates or acts.
    #[must_use]
    pub fn post<T: 'static>(self, id: &'static str, path: &'static str, handler: impl Handler<T, S>) -> Self {
        self.add(id, (Method::POST, MethodFilter::POST), path, handler)
    }

    /// An operation that replaces.
    #[must_use]
    pub fn put<T: 'static>(self, id: &'static str, path: &'static str, handler: impl Handler<T, S>) -> Self {
        self.add(id, (Method::PUT, MethodFilter::PUT), path, handler)
    }

    /// An operation that changes.
    #[must_use]
    pub fn patch<T: 'static>(self, id: &'static str, path: &'static str, handler: impl Handler<T, S>) -> Self {
        self.add(id, (Method::PATCH, MethodFilter::PATCH), path, handler)
    }

    /// An operation that removes.
    #[must_use]
    pub fn delete<T: 'static>(self, id: &'static str, path: &'static str, handler: impl Handler<T, S>) -> Self {
        self.add(id, (Method::DELETE, MethodFilter::DELETE), path, handler)
    }

    fn add<T: 'static>(
        mut self,
        id: &'static str,
        (method, filter): (Method, MethodFilter),
        path: &'static str,
        handler: impl Handler<T, S>,
    ) -> Self {
        self.list.push(Route { id, method, path });
        Self { router: self.router.route(path, on(filter, handler)), list: self.list }
    }

    /// What is routed, in the order of declaration.
    pub fn list(&self) -> &[Route] {
        &self.list
    }

    /// The router.
    pub fn with_state(self, state: S) -> Router {
        self.router.with_state(state)
    }
}
