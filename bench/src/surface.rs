//! The whole surface in process: requests through the router as the listener hands them over, from any address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;

use crate::Failure;
use crate::house::House;

/// The router over a house.
pub(crate) struct Surface {
    service: web::Service,
    host: String,
}

/// An answer with its body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The cookies that it sets, as the next request sends them.
    pub(crate) fn cookies(&self) -> String {
        let lines = self.headers.get_all("set-cookie").iter().filter_map(|line| line.to_str().ok());
        lines.filter_map(|line| line.split(';').next()).collect::<Vec<_>>().join("; ")
    }
}

impl Surface {
    pub(crate) fn new(house: &House, base_url: &str) -> Self {
        let config = web::Config { base_url: base_url.to_owned(), ..web::Config::default() };
        let host = base_url.split_once("://").map_or(base_url, |(_, host)| host).to_owned();
        Self { service: web::service(house.app.clone(), config), host }
    }

    /// Puts a request together; `from` is the number of an address that nobody else has.
    pub(crate) fn request(
        &self,
        (method, path): (Method, &str),
        from: u32,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<Request<Body>, Failure> {
        let mut request = Request::builder().method(method).uri(path).header("host", &self.host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body))?;
        let address = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + from));
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(address, 40_000)));
        Ok(request)
    }

    /// Answers it.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Result<Answer, Failure> {
        let (parts, body) = self.service.handle(request).await.into_parts();
        let body = body.collect().await?.to_bytes().to_vec();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }
}
