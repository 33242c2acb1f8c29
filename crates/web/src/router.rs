//! Everything put together: routes from the table, and the layers around them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poll_, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use domain::entropy::bytes;
use domain::event::hex;
use service::App;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use wire::problem::{Code, PROBLEM_JSON, ProblemBody};

use crate::config::{Config, Web};
use crate::http::header::{IsPage, secure};
use crate::http::language;
use crate::http::prefer::PREFER;
use crate::http::problem::{Challenge, Problem, RetryAfter};
use crate::http::request::{self, Context, Host};
use crate::table::{Endpoint, Table};
use crate::view::Language;
use crate::{api, evaluation, oauth, pages, well_known};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The routes and the list of them.
pub fn router(app: App, config: Config) -> (Router, Web, Vec<Endpoint>) {
    let demo = config.demo.is_some();
    let origins: Vec<HeaderValue> = config.origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    let mounted = pages::mount(programs(), demo).done();
    let web = Web::new(app, config, mounted.description.document());
    // Inside of the layer below: a preflight is a method that no route declares.
    let mut api = mounted.api.method_not_allowed_fallback(method_not_allowed);
    if !origins.is_empty() {
        let cors = CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_credentials(true)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH, PREFER, REQUEST_ID])
            .expose_headers([
                header::ETAG,
                header::LOCATION,
                header::RETRY_AFTER,
                header::WWW_AUTHENTICATE,
                REQUEST_ID,
            ]);
        api = api.layer(cors);
    }
    let others = mounted.others.method_not_allowed_fallback(method_not_allowed);
    let routes = others.merge(api).fallback(not_found);
    let routes = routes.layer(CatchPanicLayer::custom(|_| Problem::internal(&"a handler panicked").into_response()));
    (routes.with_state(web.clone()), web, mounted.endpoints)
}

/// What programs call.
fn programs() -> Table {
    evaluation::mount(oauth::mount(well_known::mount(api::mount(Table::default()))))
}

/// The routes of the JSON API and the documents, as mounted.
#[must_use]
pub fn endpoints() -> Vec<Endpoint> {
    programs().done().endpoints
}

/// The OpenAPI document: the same on every server.
#[must_use]
pub fn document() -> String {
    programs().done().description.document()
}

async fn not_found() -> Problem {
    Code::NotFound.into()
}

async fn method_not_allowed() -> Problem {
    Code::MethodNotAllowed.into()
}

/// What an answer needs if it is a page.
struct ForPage {
    language: Language,
    nonce: Arc<str>,
}

/// The whole surface as a service: host, request id, realm, routes, refusals written, headers.
#[derive(Clone)]
pub struct Service {
    routes: Router,
    web: Web,
}

/// Puts the surface together.
#[must_use]
pub fn service(app: App, config: Config) -> Service {
    let (routes, web, _) = router(app, config);
    Service { routes, web }
}

impl Service {
    /// The shared state.
    #[must_use]
    pub const fn web(&self) -> &Web {
        &self.web
    }

    /// Answers a request.
    pub async fn handle(&self, mut request: Request) -> Response {
        let entropy = &*self.web.app.entropy;
        let id = request::sent_id(request.headers()).unwrap_or_else(|| hex(&bytes::<12>(entropy)));
        let wants_page = is_page(&request);
        let page = ForPage { language: language::of(request.headers()), nonce: hex(&bytes::<16>(entropy)).into() };
        let mut context = None;
        let mut response = match self.prepare(&mut request, &id, &page).await {
            Ok(()) => {
                context = request.extensions().get::<Context>().cloned();
                self.routes.clone().call_router(request).await
            }
            Err(response) => *response,
        };
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            response = self.write(&problem, response, context.as_ref(), &id, wants_page.then_some(&page));
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        public_has_no_credentials(&mut response);
        let https = self.web.config.base_url.starts_with("https://");
        secure(&mut response, https, &page.nonce);
        response
    }

    /// Host, realm, context.
    async fn prepare(&self, request: &mut Request, id: &str, page: &ForPage) -> Result<(), Box<Response>> {
        let config = &self.web.config;
        match request::host(config, request.headers(), request.uri()) {
            Host::Ours => {}
            Host::ByNumber if request.method() == Method::GET => {
                let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
                return Err(Box::new(Redirect::to(&format!("{}{path}", config.base_url)).into_response()));
            }
            Host::ByNumber | Host::Foreign => {
                let problem = Problem::from(Code::Misdirected).detail(format!("This server is {}.", config.base_url));
                return Err(Box::new(problem.into_response()));
            }
        }
        let refused = |problem: Problem| Box::new(problem.into_response());
        let (slug, path) = request::realm_path(request.uri().path()).map_err(refused)?;
        let realm = service::realm::by_slug(&self.web.app, &slug).await.map_err(|error| refused(error.into()))?;
        let realm = realm.ok_or_else(|| refused(Code::NotFound.into()))?;
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        *request.uri_mut() = format!("{path}{query}").parse().unwrap_or_else(|_| Uri::from_static("/"));
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let from = domain::allowed::Request {
            id: id.to_owned(),
            address: request::client_address(config, request.headers(), peer),
            user_agent: request::user_agent(request.headers()),
        };
        request.extensions_mut().insert(Context {
            realm,
            request: from,
            language: page.language,
            nonce: page.nonce.clone(),
        });
        request.extensions_mut().insert(self.web.clone());
        Ok(())
    }

    /// Writes a refusal: a page for people, RFC 9457 for programs.
    fn write(
        &self,
        problem: &Problem,
        response: Response,
        context: Option<&Context>,
        id: &str,
        page: Option<&ForPage>,
    ) -> Response {
        let (mut parts, _) = response.into_parts();
        let retry_after = problem.retry_after.map(|after| match after {
            RetryAfter::Seconds(seconds) => seconds,
            RetryAfter::At(at) => at.since(self.web.app.now()).as_secs() + 1,
        });
        if let Some(seconds) = retry_after {
            parts.headers.insert(header::RETRY_AFTER, seconds.into());
        }
        let (content_type, text) = if let Some(page) = page {
            parts.extensions.insert(IsPage(Some(page.language)));
            let frame = pages::frame_of(context, page.language);
            ("text/html; charset=utf-8", pages::refusal(problem, frame, id, self.web.app.now().seconds()))
        } else {
            let mut body = ProblemBody::new(problem.code, &self.web.config.base_url, id);
            body.detail.clone_from(&problem.detail);
            body.errors.clone_from(&problem.errors);
            body.missing.clone_from(&problem.missing);
            if let Some(Challenge::StepUp(acr, max_age)) = problem.challenge {
                (body.acr_values, body.max_age) = (Some(acr.to_owned()), Some(max_age.into()));
            }
            (PROBLEM_JSON, serde_json::to_string(&body).unwrap_or_default())
        };
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        parts.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(parts, Body::from(text))
    }
}

/// What every origin may read is not for requests with credentials (WEB-06); the layer for listed origins says so of every answer.
fn public_has_no_credentials(response: &mut Response) {
    let headers = response.headers_mut();
    if headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).is_some_and(|origin| origin == "*") {
        headers.remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
    }
}

/// Pages get pages: whatever is not under a path that programs read, and asks for HTML.
fn is_page(request: &Request) -> bool {
    let path = request.uri().path();
    let program = ["/api/", "/oauth/", "/access/", "/.well-known/"].iter().any(|part| path.contains(part));
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("");
    !program && accepts.contains("text/html")
}

/// Calls a router without its readiness dance: it is always ready.
trait CallRouter {
    fn call_router(self, request: Request) -> impl Future<Output = Response> + Send;
}

impl CallRouter for Router {
    async fn call_router(mut self, request: Request) -> Response {
        match tower::Service::call(&mut self, request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

impl<B> tower::Service<axum::http::Request<B>> for Service
where
    B: axum::body::HttpBody<Data = axum::body::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Poll_<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: axum::http::Request<B>) -> Self::Future {
        let own = self.clone();
        Box::pin(async move { Ok(own.handle(request.map(Body::new)).await) })
    }
}
