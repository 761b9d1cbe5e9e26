//! A function that says hello, on the same runtime and router as ours: the start that no function can beat.

use axum::Router;
use axum::routing::get;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda_http::run(Router::new().route("/health", get(|| async { "hello" }))).await
}
