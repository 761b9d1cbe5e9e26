//! The `webhooks` function: receiving webhooks, deliveries and tasks.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    repoplane_api::lambda::run(repoplane_webhooks::router).await
}
