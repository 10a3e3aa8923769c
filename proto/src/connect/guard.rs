//! Checks every call before the service sees it.

use super::body::Paced;
use super::peer::Peer;
use http::{Request, Response};
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::body::Body;
use tower_layer::Layer;
use tower_service::Service;

/// Puts a [`Guard`] before a service.
#[derive(Debug, Clone, Copy)]
pub struct GuardLayer;

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, service: S) -> Guard<S> {
        Guard { service }
    }
}

/// A service behind checks: the join token, the role of the caller, pace and size of messages.
#[derive(Debug, Clone)]
pub struct Guard<S> {
    service: S,
}

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Error: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match check(request) {
            Ok(request) => Box::pin(self.service.call(request)),
            Err(status) => Box::pin(std::future::ready(Ok(status.into_http()))),
        }
    }
}

fn check(request: Request<Body>) -> Result<Request<Body>, Status> {
    let peer = request.extensions().get::<Peer>().cloned();
    let peer =
        peer.ok_or_else(|| Status::internal("expected a connection of `connect::incoming`"))?;
    let path = request.uri().path();
    peer.admit(path, request.headers())?;
    let pace = super::body::Pace::of(path);
    Ok(request.map(|body| Body::new(Paced::new(body, peer, pace))))
}
