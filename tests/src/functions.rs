//! The functions apart, each on a line of its own: what a function calls is what its policy must allow.

use crate::{Client, TestApp};
use repoplane_api::App;
use repoplane_api::Route;
use repoplane_api::edge::edge_of;
use repoplane_dispatch::{DispatchFunction, EventBus};
use repoplane_local::event_bus::EVENTS;
use repoplane_local::line::Line;
use repoplane_local::server::reopen;
use repoplane_providers::Providers;
use repoplane_sync::{ProviderScanner, SyncFunction};

/// One application whose functions do not share clients, as in the cloud.
pub struct Functions {
    /// A caller with the administrator's token.
    pub admin: Client,
    /// A caller without a token.
    pub anonymous: Client,
    /// The function that schedules and the queue invoke.
    pub sync: SyncFunction<ProviderScanner>,
    /// The function that the table's stream and a schedule invoke.
    pub dispatch: DispatchFunction,
    /// The lines, by the logical id of the function in the template.
    pub lines: Vec<(&'static str, Line)>,
}

impl TestApp {
    /// The same engines behind six functions.
    pub fn functions(&self) -> Functions {
        let names = ["Repos", "Robots", "Automation", "Webhooks", "Sync", "Dispatch"];
        self.functions_on(&names.map(|name| (name, self.line.fork())))
    }

    /// The same on lines that are there already.
    pub fn functions_on(&self, lines: &[(&'static str, Line)]) -> Functions {
        let app = |at: usize| App { store: reopen(&lines[at].1), ..self.app.clone() };
        let router = || {
            edge_of(
                repoplane_repos::router(app(0), self.egress.clone())
                    .merge(repoplane_robots::router(app(1), self.egress.clone()))
                    .merge(repoplane_automation::router(app(2)))
                    .merge(repoplane_webhooks::router(app(3))),
                repoplane_repos::dialects(&self.app),
            )
        };
        let bus = EventBus::new(lines[5].1.eventbridge(), EVENTS);
        Functions {
            admin: Client::new(router(), Some(crate::ADMIN_TOKEN.to_owned())),
            anonymous: Client::new(router(), None),
            sync: SyncFunction::new(app(4), ProviderScanner::new(Providers::new(self.egress.clone()))),
            dispatch: DispatchFunction::new(app(5)).with_event_bus(Some(bus)),
            lines: lines.to_vec(),
        }
    }
}

impl TestApp {
    /// A caller of one function, as Lambda invokes it.
    pub fn function(&self, name: &str) -> Client {
        let app = self.app.clone();
        let router = match name {
            "repos" => repoplane_repos::router(app, self.egress.clone()),
            "robots" => repoplane_robots::router(app, self.egress.clone()),
            "automation" => repoplane_automation::router(app),
            "webhooks" => repoplane_webhooks::router(app),
            other => panic!("no function {other}"),
        };
        let dialects = if name == "repos" { repoplane_repos::dialects(&self.app) } else { Vec::new() };
        Client::new(edge_of(router, dialects), None)
    }
}

/// Every operation with its function's name.
pub fn routes() -> Vec<(&'static str, Route)> {
    let of = |function, list: &[Route]| list.iter().cloned().map(|route| (function, route)).collect::<Vec<_>>();
    [
        of("repos", repoplane_repos::routes().list()),
        of("robots", repoplane_robots::routes().list()),
        of("automation", repoplane_automation::routes().list()),
        of("webhooks", repoplane_webhooks::routes().list()),
    ]
    .concat()
}
