//! The table of all routes: what each is, what it needs, and who answers.

use super::allowed::Guarded;
use super::app::App;
use super::tokens::Level;
use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};

/// How something is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Nothing changes.
    Get,
    /// Something changes.
    Post,
    /// Something goes away.
    Delete,
}

impl Method {
    /// As it stands in a request.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }

    const fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// A value in a query or a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// What it says.
    pub about: &'static str,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    Text,
    /// A whole number, not less than this and not more than that.
    Number(i64, i64),
    /// True or false.
    Bool,
    /// One of these words.
    Word(&'static [&'static str]),
    /// An object of texts under these names.
    Texts(&'static [&'static str]),
}

/// A route, as it is described.
#[derive(Debug, Clone, Copy)]
pub struct Doc {
    /// How it is asked for.
    pub method: Method,
    /// Where, with `{…}` for names.
    pub path: &'static str,
    /// What it gives or does.
    pub about: &'static str,
    /// What may stand in the query.
    pub query: &'static [Field],
    /// What stands in the body, a JSON object; none where there is none.
    pub body: Option<&'static [Field]>,
    /// The status where all is well.
    pub status: u16,
    /// What is answered.
    pub kind: &'static str,
    /// What a refusal says by a protocol of others, a JSON object; none where all are problem details.
    pub refusal: Option<&'static [Field]>,
}

impl Doc {
    /// Something to look at.
    pub(super) const fn get(path: &'static str, about: &'static str) -> Self {
        Self {
            method: Method::Get,
            path,
            about,
            query: &[],
            body: None,
            status: 200,
            kind: "application/json",
            refusal: None,
        }
    }

    /// Something to be done.
    pub(super) const fn post(path: &'static str, about: &'static str, body: &'static [Field]) -> Self {
        let kind = "application/json";
        Self {
            method: Method::Post,
            path,
            about,
            query: &[],
            body: Some(body),
            status: 200,
            kind,
            refusal: None,
        }
    }

    pub(super) const fn by(self, query: &'static [Field]) -> Self {
        Self { query, ..self }
    }
}

/// A route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// What it is.
    pub doc: Doc,
    /// What it needs; none where anybody may.
    pub level: Option<Level>,
}

/// All routes, as they are put together.
#[derive(Debug, Default)]
pub(super) struct Table {
    router: Router<App>,
    routes: Vec<Route>,
}

impl Table {
    /// A route whose handler begins with [`Allowed`](super::allowed::Allowed): there is no other way to add one.
    pub(super) fn route<H, T>(mut self, doc: Doc, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: Guarded + 'static,
    {
        self.routes.push(Route { doc, level: Some(T::LEVEL) });
        self.router = self.router.route(doc.path, on(doc.method.filter(), handler));
        self
    }

    /// The two that nobody needs a token for: whether there is anything, and the sign-in, which looks at a token itself.
    pub(super) fn open<H, T>(mut self, doc: Doc, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.routes.push(Route { doc, level: None });
        self.router = self.router.route(doc.path, on(doc.method.filter(), handler));
        self
    }

    pub(super) fn into_parts(self) -> (Router<App>, Vec<Route>) {
        (self.router, self.routes)
    }
}
