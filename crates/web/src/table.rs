//! The one way to mount a route. It names who may call it; from that follow the refusals before the body is read, `x-permission` in the OpenAPI
//! document, and the rows of the endpoint × caller matrix. A route without a declared permission cannot be written.

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use domain::caller::{Caller, Forbidden, Scope};
use domain::permission::Permission;
use service::caller::Bearer;
use service::client::ClientAuthError;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa_axum::router::UtoipaMethodRouter;
use wire::problem::Code;

use crate::config::Web;
use crate::http::body;
use crate::http::credentials::{Sent, sent};
use crate::http::cross_site::{self, Cause};
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::oauth::OAuthError;
use crate::openapi::Description;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Whoever is signed in, about themselves.
    Oneself,
    /// Who holds this permission somewhere; the use case looks where.
    May(Permission),
    /// Who holds this permission at the root: what concerns the whole realm.
    MayEverywhere(Permission),
    /// Who holds one of these.
    MayEither(Permission, Permission),
    /// An API or a client with its credentials; the handler checks them.
    Client,
    /// The same at an endpoint of OAuth: a form is read, and refusals have OAuth's form (RFC 6749, section 5.2).
    OAuth,
    /// An API with its credentials, or who holds this permission somewhere.
    ClientOr(Permission),
}

impl Access {
    /// `x-permission`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Public => "public".to_owned(),
            Self::Oneself => "self".to_owned(),
            Self::May(permission) | Self::MayEverywhere(permission) => permission.as_str().to_owned(),
            Self::MayEither(one, other) => format!("{}|{}", one.as_str(), other.as_str()),
            Self::Client | Self::OAuth => "client".to_owned(),
            Self::ClientOr(permission) => format!("client|{}", permission.as_str()),
        }
    }

    /// Whether a caller passes, as far as the route can tell.
    ///
    /// # Errors
    /// [`Forbidden`] names the permission.
    pub fn admits(self, caller: &Caller) -> Result<(), Forbidden> {
        let holds = |permission| {
            if caller.holds(permission) { Ok(()) } else { Err(Forbidden { missing: permission, detail: None }) }
        };
        match self {
            Self::Public | Self::Oneself | Self::Client | Self::OAuth => Ok(()),
            Self::May(permission) | Self::ClientOr(permission) => holds(permission),
            Self::MayEverywhere(permission) => caller.allow(permission, Scope::Realm).map(drop),
            Self::MayEither(one, other) => holds(one).or_else(|missing| holds(other).map_err(|_| missing)),
        }
    }
}

/// A route as it was mounted.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path template.
    pub path: String,
    /// Who may call it.
    pub access: Access,
    /// Whether it needs a fresh authentication.
    pub step_up: bool,
    /// Whether it is in the OpenAPI document; pages are not.
    pub json: bool,
}

/// The routes, and the document that describes them.
#[derive(Default)]
pub struct Table {
    api: Router<Web>,
    others: Router<Web>,
    description: Description,
    endpoints: Vec<Endpoint>,
}

impl Table {
    /// Mounts JSON routes of one path: `routes!(handler)`.
    #[must_use]
    pub fn json(self, access: Access, routes: UtoipaMethodRouter<Web>) -> Self {
        self.mount(access, false, routes)
    }

    /// The same for operations that need a fresh authentication (`x-step-up`).
    #[must_use]
    pub fn json_step_up(self, access: Access, routes: UtoipaMethodRouter<Web>) -> Self {
        self.mount(access, true, routes)
    }

    fn mount(mut self, access: Access, step_up: bool, (schemas, mut paths, methods): UtoipaMethodRouter<Web>) -> Self {
        for (path, mut item) in std::mem::take(&mut paths.paths) {
            let rule = Rule { access, step_up, queries: queries(&mut item) };
            let guarded = methods
                .clone()
                .route_layer(from_fn(move |request: Request, next: Next| enforce(rule.clone(), request, next)));
            for (method, operation) in operations(&mut item) {
                let endpoint = Endpoint { method, path: path.clone(), access, step_up, json: true };
                self.description.add(&endpoint, operation, &schemas);
                self.endpoints.push(endpoint);
            }
            // Only what lies under /api/ may be called from listed origins (WEB-06).
            if path.starts_with("/api/") {
                self.api = self.api.route(&path, guarded);
            } else {
                self.others = self.others.route(&path, guarded);
            }
        }
        self
    }

    /// Mounts a page. Pages look at cookies, not at bearers; what they show is decided by the use cases.
    #[must_use]
    pub fn page(mut self, method: &Method, path: &str, handler: MethodRouter<Web>) -> Self {
        self.endpoints.push(Endpoint {
            method: method.clone(),
            path: path.to_owned(),
            access: Access::Public,
            step_up: false,
            json: false,
        });
        self.others = self.others.route(path, handler);
        self
    }

    /// What was mounted.
    pub fn done(self) -> Mounted {
        Mounted { api: self.api, others: self.others, description: self.description, endpoints: self.endpoints }
    }
}

/// What was mounted.
pub struct Mounted {
    /// The JSON API.
    pub api: Router<Web>,
    /// Documents and pages.
    pub others: Router<Web>,
    /// The document.
    pub description: Description,
    /// The list of routes.
    pub endpoints: Vec<Endpoint>,
}

/// What a route demands before its body is read.
#[derive(Clone, Debug)]
struct Rule {
    access: Access,
    step_up: bool,
    queries: Vec<String>,
}

/// The query parameters that the document names; every other one is refused.
fn queries(item: &mut PathItem) -> Vec<String> {
    operations(item)
        .flat_map(|(_, operation)| operation.parameters.iter().flatten())
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.clone()),
            _ => None,
        })
        .collect()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, item.get.as_mut()),
        (Method::PUT, item.put.as_mut()),
        (Method::POST, item.post.as_mut()),
        (Method::PATCH, item.patch.as_mut()),
        (Method::DELETE, item.delete.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation?)))
}

/// Size, then 401, then 403: before the body is read.
async fn enforce(rule: Rule, mut request: Request, next: Next) -> Response {
    match admit(&rule, &mut request).await {
        Err(problem) if rule.access == Access::OAuth => OAuthError::from(problem).into_response(),
        Err(problem) => problem.into_response(),
        Ok(caller) => {
            let web = request.extensions().get::<Web>().cloned();
            let response = next.run(request).await;
            if let (Some(web), Some(caller), Some(missing)) = (web, caller, missing(&response)) {
                record_refusal(&web, &caller, missing).await;
            }
            response
        }
    }
}

async fn admit(rule: &Rule, request: &mut Request) -> Result<Option<Caller>, Problem> {
    let access = rule.access;
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|text| text.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > body::LONGEST) {
        return Err(Code::PayloadTooLarge.into());
    }
    let parts = request.extensions();
    let (Some(web), Some(context)) = (parts.get::<Web>().cloned(), parts.get::<Context>().cloned()) else {
        return Err(Problem::internal(&"a route outside of its layers"));
    };
    if access == Access::Public && !request.method().is_safe() {
        same_site(&web, &context, request.headers()).await?;
    }
    if matches!(access, Access::Public | Access::Client | Access::OAuth) {
        return known_queries(rule, request.uri()).map(|()| None);
    }
    if matches!(access, Access::ClientOr(_)) {
        match sent(request.headers()) {
            Sent::Basic(..) => return known_queries(rule, request.uri()).map(|()| None),
            Sent::Nothing => return Err(ClientAuthError::Credentials.into()),
            Sent::Other => {}
        }
    }
    let caller = authenticate(&web, &context, request.headers()).await?;
    if let Err(forbidden) = access.admits(&caller) {
        service::caller::refused(&web.app, &caller, &forbidden).await?;
        return Err(forbidden.into());
    }
    if rule.step_up {
        fresh(&web, &caller, access).await?;
    }
    known_queries(rule, request.uri())?;
    request.extensions_mut().insert(caller.clone());
    Ok(Some(caller))
}

/// An authentication may be so old for operations marked `x-step-up`.
const FRESH_SECONDS: u32 = 300;

/// RFC 9470: says which authentication would do. Administration needs two factors, oneself as many as the account has.
pub(crate) async fn fresh(web: &Web, caller: &Caller, access: Access) -> Result<(), Problem> {
    let acr = match access {
        Access::Oneself => service::step_up::strongest(&web.app, caller).await?,
        _ => domain::session::AAL2,
    };
    let strong = acr == domain::session::AAL1 || caller.acr() == acr;
    // A policy may ask for a fresher one, never for less.
    let seconds = FRESH_SECONDS.min(caller.step_up_seconds());
    if strong && web.app.now().since(caller.auth_at()).as_secs() <= u64::from(seconds) {
        return Ok(());
    }
    Err(Problem::insufficient(acr, seconds))
}

fn known_queries(rule: &Rule, uri: &Uri) -> Result<(), Problem> {
    let names = uri.query().unwrap_or("").split('&').filter(|part| !part.is_empty());
    let mut names = names.map(|part| part.split('=').next().unwrap_or(part));
    if names.all(|name| rule.queries.iter().any(|known| known == name)) {
        return Ok(());
    }
    Err(Problem::from(Code::Malformed).detail("A query parameter is unknown here."))
}

/// A route that anybody may call may use cookies: what another site causes is refused, and counted.
async fn same_site(web: &Web, context: &Context, headers: &HeaderMap) -> Result<(), Problem> {
    match cross_site::judge(headers, &web.own_origins(), &web.config.origins) {
        Cause::Ours | Cause::NoBrowser => Ok(()),
        Cause::Foreign => {
            service::api::cross_site(&web.app, context.realm.key, context.request.clone()).await?;
            Err(Problem::from(Code::Forbidden).detail("Another site caused this request."))
        }
    }
}

/// Who the bearer is. Every bad one alike.
///
/// # Errors
/// [`Problem`] 401.
pub async fn authenticate(web: &Web, context: &Context, headers: &HeaderMap) -> Result<Caller, Problem> {
    let token = match guard::bearer::token(headers) {
        Ok(Some(token)) => token,
        Ok(None) => return Err(Problem::not_signed_in(false)),
        Err(_) => return Err(Problem::not_signed_in(true)),
    };
    let refused = || Problem::not_signed_in(true);
    let claims = web.verify(&context.realm, token).await?.ok_or_else(refused)?;
    let bearer = Bearer::of(&claims).ok_or_else(refused)?;
    let caller = service::caller::by_bearer(&web.app, context.realm.key, bearer, context.request.clone()).await?;
    caller.ok_or_else(refused)
}

/// The permission that a use case found missing.
pub(crate) fn missing(response: &Response) -> Option<Permission> {
    let problem = response.extensions().get::<Problem>().filter(|_| response.status() == StatusCode::FORBIDDEN)?;
    problem.missing.first().and_then(|name| Permission::parse(name))
}

/// What a use case refused is recorded like what the route refused.
pub(crate) async fn record_refusal(web: &Web, caller: &Caller, missing: Permission) {
    let forbidden = Forbidden { missing, detail: None };
    if let Err(error) = service::caller::refused(&web.app, caller, &forbidden).await {
        tracing::error!(%error, "a refusal was not recorded");
    }
}

/// The caller of a route that is not public.
#[derive(Clone, Debug)]
pub struct SignedIn(pub Caller);

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Caller>().cloned().map(Self).ok_or_else(|| Problem::not_signed_in(false))
    }
}
