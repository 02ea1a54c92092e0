//! `POST /v1/pull`: everything after a cursor that the seat's certificate allows.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use sync_protocol::PullRequest;

use super::auth::SignedRequest;
use super::problem::Refused;
use super::{Api, answer};

pub(super) async fn pull(State(api): State<Api>, request: Request) -> Result<Response, Refused> {
    let request = SignedRequest::read(request, api.0.limits.body_bytes).await?;
    let seat = request.seat;
    let page = api
        .call(move |registry| {
            let standing = request.authenticate(registry)?;
            let wanted = PullRequest::decode(&request.body)?;
            Ok(registry.pull(&standing, &wanted)?.encode())
        })
        .await?;
    Ok(answer(StatusCode::OK, Some(seat), page))
}
