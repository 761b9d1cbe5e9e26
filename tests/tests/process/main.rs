//! Tests of what is built and checked in rather than of one function: the server's binary, the house's arrows, the contract's
//! rows, the documents.

mod abf_client;
mod canary;
mod documents;
mod events_page;
mod house;
mod openapi;
mod robot_worker;
mod routes;
mod rows;
mod server;
mod sigkill;
mod template;
mod tour;
mod workspace;
