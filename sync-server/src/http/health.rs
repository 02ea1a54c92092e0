//! `GET /v1/health`: whether the server answers, and whether it is for practice. Needs no signature, tells nothing else.

use axum::Json;
use axum::extract::State;

use super::Api;

#[derive(serde::Serialize)]
pub(super) struct Health {
    status: &'static str,
    training: bool,
}

pub(super) async fn health(State(api): State<Api>) -> Json<Health> {
    Json(Health { status: "ok", training: api.0.registry.facts().training })
}
