//! Texts with `${…}` in them: taken apart once when the plan is read, filled in once for each attempt.
//!
//! What is filled in is never looked at again: a value that reads `${run}` stays so. `$${` stands for a plain `${`.

use super::values::Values;
use crate::settings::Part;
use crate::text::nearest;
use std::borrow::Cow;
use std::fmt;

/// A text with places for values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template(Vec<Piece>);

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    /// Text that stays as it is.
    Literal(String),
    /// Stands for a value.
    Place(Place),
}

/// What a `${…}` stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    Target,
    Address,
    Step,
    Run,
    Plan,
    Attempt,
    Label(String),
}

/// A text in which values are filled in, and where in the settings it stands.
#[derive(Debug)]
pub(crate) struct Filled<'a> {
    pub(crate) setting: &'static str,
    pub(crate) part: Part,
    pub(crate) template: &'a Template,
}

impl<'a> Filled<'a> {
    pub(crate) fn new(setting: &'static str, part: Part, template: &'a Template) -> Self {
        Self { setting, part, template }
    }
}

/// Names that may stand in `${…}`; the last stands for many.
const NAMES: [&str; 7] = ["target", "address", "step", "run", "plan", "attempt", "label.NAME"];

impl Template {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// A name that is not one of ours, a `${` without its `}`, a NUL byte.
    pub(crate) fn new(text: &str) -> Result<Self, TemplateError> {
        if text.contains('\0') {
            return Err(TemplateError::Nul);
        }
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                literal.push_str(&rest[..at - 1]);
                literal.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            literal.push_str(&rest[..at]);
            let inside = &rest[at + 2..];
            let end = inside.find('}').ok_or_else(|| TemplateError::Unclosed { text: text.to_owned() })?;
            if !literal.is_empty() {
                parts.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Piece::Place(Place::new(&inside[..end])?));
            rest = &inside[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Piece::Literal(literal));
        }
        Ok(Self(parts))
    }

    /// The pieces, in their order; neighbouring literals are one.
    pub(crate) fn parts(&self) -> &[Piece] {
        &self.0
    }

    /// The labels that are filled in, in their order.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Place(Place::Label(label)) => Some(label.as_str()),
            _ => None,
        })
    }

    /// Whether there is nothing to fill in.
    pub(crate) fn is_literal(&self) -> bool {
        !self.0.iter().any(|part| matches!(part, Piece::Place(_)))
    }

    /// The text with every value as it is.
    ///
    /// # Errors
    /// A label that the target does not have, a NUL byte in a value.
    pub(crate) fn fill(&self, values: &Values) -> Result<String, RenderError> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Piece::Literal(text) => out.push_str(text),
                Piece::Place(place) => out.push_str(&place.value(values)?),
            }
        }
        Ok(out)
    }

    /// As [`Self::fill`], for one element of an argv: what does not begin with `-` as it is written must not do so when it is
    /// filled in, or a value could pass for an option.
    pub(crate) fn fill_argument(&self, values: &Values) -> Result<String, RenderError> {
        let out = self.fill(values)?;
        let written = matches!(self.0.first(), Some(Piece::Literal(text)) if text.starts_with('-'));
        if out.starts_with('-') && !written {
            return Err(RenderError::LooksLikeOption { text: out });
        }
        Ok(out)
    }
}

impl Place {
    fn new(name: &str) -> Result<Self, TemplateError> {
        Ok(match name {
            "target" => Self::Target,
            "address" => Self::Address,
            "step" => Self::Step,
            "run" => Self::Run,
            "plan" => Self::Plan,
            "attempt" => Self::Attempt,
            _ => match name.strip_prefix("label.") {
                Some(label) if !label.is_empty() => Self::Label(label.to_owned()),
                _ => return Err(TemplateError::UnknownName { name: name.to_owned() }),
            },
        })
    }

    /// What it stands for.
    pub(crate) fn value<'a>(&self, values: &'a Values) -> Result<Cow<'a, str>, RenderError> {
        let value = match self {
            Self::Target => Cow::from(&values.target),
            Self::Address => Cow::from(&values.address),
            Self::Step => Cow::from(&values.step),
            Self::Run => Cow::from(&values.run),
            Self::Plan => Cow::from(&values.plan),
            Self::Attempt => Cow::from(values.attempt.to_string()),
            Self::Label(label) => Cow::from(values.labels.get(label).ok_or_else(|| {
                RenderError::NoLabel { target: values.target.clone(), label: label.clone() }
            })?),
        };
        if value.contains('\0') { Err(RenderError::Nul) } else { Ok(value) }
    }
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TemplateError {
    UnknownName { name: String },
    Unclosed { text: String },
    Nul,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName { name } => {
                write!(f, "unknown name in ${{{name}}}, ")?;
                if let Some(meant) = nearest(name, NAMES) {
                    write!(f, "did you mean ${{{meant}}}? ")?;
                }
                write!(f, "expected one of: {}", NAMES.join(", "))
            }
            Self::Unclosed { text } => write!(f, "a ${{ without its }} in {text:?}; $${{ is a plain ${{"),
            Self::Nul => f.write_str("a NUL byte, which no program can be given"),
        }
    }
}

impl std::error::Error for TemplateError {}

/// Why an action cannot be made for a target.
#[derive(Debug, Clone, PartialEq)]
pub enum RenderError {
    /// The target lacks a label that the action names.
    NoLabel {
        /// The target's name.
        target: String,
        /// The label.
        label: String,
    },
    /// A value has a NUL byte.
    Nul,
    /// A value would make an element of the argv an option.
    LooksLikeOption {
        /// The element, filled in.
        text: String,
    },
    /// Two labels of the target have the same name as environment variables.
    SameVariable {
        /// The name of the variable.
        name: String,
    },
    /// A value that cannot stand where it would.
    Unfit {
        /// Where: `url`, `headers`.
        place: &'static str,
        /// What is wrong, in words.
        message: String,
    },
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLabel { target, label } => write!(f, "target {target} has no label {label}"),
            Self::Nul => f.write_str("a value has a NUL byte"),
            Self::LooksLikeOption { text } => write!(f, "{text:?} would be taken for an option"),
            Self::SameVariable { name } => write!(f, "two labels of the target would be ${name}"),
            Self::Unfit { place, message } => write!(f, "{place}: {message}"),
        }
    }
}

impl std::error::Error for RenderError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        Values {
            run: "r1".into(),
            plan: "p".into(),
            step: "s".into(),
            target: "h1".into(),
            address: "-oProxyCommand=x".into(),
            attempt: 2,
            labels: [("vip", "${run}"), ("nul", "a\0b")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        }
    }

    fn fill(text: &str) -> Result<String, RenderError> {
        Template::new(text).expect("a template").fill(&values())
    }

    #[test]
    fn values_are_filled_in_once() {
        for (text, filled) in [
            ("", ""),
            ("${target}", "h1"),
            ("a${step}${attempt}b", "as2b"),
            ("${label.vip}", "${run}"),
            ("$${run}", "${run}"),
            ("$$${run}", "$${run}"),
            ("$run {x} $", "$run {x} $"),
            ("${plan}/${run}}", "p/r1}"),
        ] {
            assert_eq!(fill(text).as_deref(), Ok(filled), "{text}");
        }
    }

    #[test]
    fn what_is_no_template_is_refused_when_it_is_read() {
        for text in ["${host}", "${}", "${label.}", "${ target}", "${target", "a\0", "${TARGET}"] {
            assert!(Template::new(text).is_err(), "{text:?}");
        }
        let error = Template::new("${host}").expect_err("no such name");
        assert_eq!(
            error.to_string(),
            "unknown name in ${host}, expected one of: target, address, step, run, plan, attempt, label.NAME"
        );
        let near = Template::new("${tagret}").expect_err("no such name").to_string();
        assert!(near.starts_with("unknown name in ${tagret}, did you mean ${target}? expected"), "{near}");
    }

    #[test]
    fn a_missing_label_and_a_nul_byte_are_errors() {
        assert_eq!(
            fill("${label.rack}"),
            Err(RenderError::NoLabel { target: "h1".into(), label: "rack".into() })
        );
        assert_eq!(fill("${label.nul}"), Err(RenderError::Nul));
    }

    #[test]
    fn no_value_passes_for_an_option() {
        let argument = |text: &str| Template::new(text).expect("a template").fill_argument(&values());
        assert!(matches!(argument("${address}"), Err(RenderError::LooksLikeOption { .. })));
        assert_eq!(argument("--host=${address}").as_deref(), Ok("--host=-oProxyCommand=x"));
        assert_eq!(argument("x${address}").as_deref(), Ok("x-oProxyCommand=x"));
        assert_eq!(argument("-v").as_deref(), Ok("-v"));
    }
}
