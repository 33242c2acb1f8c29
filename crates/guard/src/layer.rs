//! The tower layers: one that lets only callers with a good token through, and those that ask for a permission, a role or a
//! fresh authentication.
//!
//! Put the guard outermost and on the routes it protects (`route_layer`), so that an unknown address stays 404:
//! `get(read_chart).route_layer(require_permission("charts:read")).route_layer(guard.layer())`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http::{Request, Response};
use tower::{Layer, Service};
use wire::problem::Code;

use crate::caller::Caller;
use crate::guard::Guard;
use crate::refusal::{Refusal, Refuser};

type Answer<B, E> = Pin<Box<dyn Future<Output = Result<Response<B>, E>> + Send>>;

/// Lets only requests with a good token through, each with its [`Caller`] as an extension. From [`Guard::layer`].
#[derive(Clone, Debug)]
pub struct GuardLayer(pub(crate) Guard);

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { guard: self.0.clone(), inner }
    }
}

/// A service behind a [`GuardLayer`].
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    guard: Guard,
    inner: S,
}

impl<S, Q, B> Service<Request<Q>> for Guarded<S>
where
    S: Service<Request<Q>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    Q: Send + 'static,
    B: From<String>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Answer<B, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        let guard = self.guard.clone();
        let mut inner = ready(&mut self.inner);
        Box::pin(async move {
            match guard.authenticate(request.headers()).await {
                Ok(caller) => {
                    request.extensions_mut().insert(caller);
                    inner.call(request).await
                }
                Err(refusal) => Ok(refusal.into_http()),
            }
        })
    }
}

/// What a route asks of its caller.
#[derive(Clone, Debug)]
enum Demand {
    Permission(Arc<str>),
    Role(Arc<str>),
    StepUp { max_age_seconds: u32, acr: Arc<str> },
}

/// Lets only callers with a permission, a role or a fresh authentication through. From [`require_permission`], [`require_role`] and
/// [`require_step_up`].
#[derive(Clone, Debug)]
pub struct RequireLayer(Demand);

/// Lets only callers through who hold `permission` at `/`; others get 403 that names it.
///
/// For a permission in a unit or over one's own, ask in the handler: [`Caller::require_in`], [`Caller::require_owned_by`].
#[must_use]
pub fn require_permission(permission: impl Into<Arc<str>>) -> RequireLayer {
    RequireLayer(Demand::Permission(permission.into()))
}

/// Lets only callers through who hold `role` at `/`; others get 403 that names it. Ask for permissions rather: roles change their meaning.
#[must_use]
pub fn require_role(role: impl Into<Arc<str>>) -> RequireLayer {
    RequireLayer(Demand::Role(role.into()))
}

/// Lets only callers through who proved who they are within the last `max_age_seconds`, at least as surely as `acr`; others get 401 that asks for
/// it (RFC 9470, [`Caller::require_step_up`]). Put it inside the permission, so that nobody confirms for what they may not do anyway.
#[must_use]
pub fn require_step_up(max_age_seconds: u32, acr: impl Into<Arc<str>>) -> RequireLayer {
    RequireLayer(Demand::StepUp { max_age_seconds, acr: acr.into() })
}

impl<S> Layer<S> for RequireLayer {
    type Service = Required<S>;

    fn layer(&self, inner: S) -> Required<S> {
        Required { demand: self.0.clone(), inner }
    }
}

/// A service behind a [`RequireLayer`].
#[derive(Clone, Debug)]
pub struct Required<S> {
    demand: Demand,
    inner: S,
}

impl<S> Required<S> {
    fn check<Q>(&self, request: &Request<Q>) -> Result<(), Refusal> {
        let Some(caller) = request.extensions().get::<Caller>() else {
            tracing::error!(path = request.uri().path(), "a route requires something, but no guard layer is around it");
            return Err(Refuser::new(Arc::from(""), request.headers()).plain(Code::Internal));
        };
        match &self.demand {
            Demand::Permission(permission) => caller.require(permission),
            Demand::Role(role) => caller.require_role(role),
            Demand::StepUp { max_age_seconds, acr } => caller.require_step_up(*max_age_seconds, acr),
        }
    }
}

impl<S, Q, B> Service<Request<Q>> for Required<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: From<String> + Send + 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Answer<B, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        match self.check(&request) {
            Ok(()) => Box::pin(self.inner.call(request)),
            Err(refusal) => Box::pin(std::future::ready(Ok(refusal.into_http()))),
        }
    }
}

/// Takes the service that was polled ready, and leaves a clone that was not.
fn ready<S: Clone>(service: &mut S) -> S {
    let fresh = service.clone();
    std::mem::replace(service, fresh)
}
