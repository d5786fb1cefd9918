//! The files of the page: those of `web/`, held in the binary, and before them those of a folder of
//! the operator's (`--web`), so that a page of one's own needs no build of ours.

use std::borrow::Cow;
use std::path::PathBuf;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

use crate::app::App;
use crate::lean::lean;
use crate::problem::HttpProblem;

/// The embedded files. A debug build reads them from the folder each time.
#[derive(RustEmbed)]
#[folder = "web/"]
#[exclude = "*jsconfig.json"]
#[exclude = "client/package.json"]
#[exclude = "client/README.md"]
#[exclude = "client/client.d.ts"]
struct Files;

/// Any path without a route: a file, the `index.html` of a folder, or nothing.
pub async fn serve(State(app): State<App>, request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return nothing_here().into_response();
    }
    let path = request.uri().path().trim_matches('/').to_owned();
    let mut response = match own(app.web.as_ref(), request).await {
        Some(response) => response,
        None => match embedded(&path)
            .or_else(|| embedded(format!("{path}/index.html").trim_start_matches('/')))
        {
            Some(response) => response,
            None => return nothing_here().into_response(),
        },
    };
    let headers = response.headers_mut();
    // A new version of the binary brings new files under the same names.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if path == "client.js" || path.starts_with("client/") {
        // The library is for pages of other hosts, too: tokens and `--origins` say what it may do.
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
}

async fn own(folder: Option<&PathBuf>, request: Request) -> Option<Response> {
    let answer = ServeDir::new(folder?).oneshot(request).await;
    let Ok(answer) = answer; // reading errors are answers, too
    (answer.status() != StatusCode::NOT_FOUND).then(|| answer.into_response())
}

fn embedded(path: &str) -> Option<Response> {
    let file = Files::get(path)?;
    let kind = file.metadata.mimetype();
    let code = ["text/javascript", "text/css"].contains(&kind);
    let text = std::str::from_utf8(&file.data).ok().filter(|_| code).map(lean);
    let data = text.map_or(file.data, |text| Cow::Owned(text.into_bytes()));
    let kind =
        if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind.to_owned() };
    Some(([(header::CONTENT_TYPE, kind)], data).into_response())
}

fn nothing_here() -> HttpProblem {
    HttpProblem::new(StatusCode::NOT_FOUND, "not-found", "there is nothing at this path")
}
