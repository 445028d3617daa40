//! What a process is given, and what it is not.

use crate::rig::{Rig, exec, map, named, output, text, texts, values};
use proptest::prelude::*;
use quietgate::actions::{Allowed, End, RenderError, Spec, SpecError, Values};
use quietgate::settings::Given;
use std::fs::File;

/// The environment of a process as it started, apart from the mark, which is another one each time.
fn environment(rig: &Rig, more: &[(&str, Given)]) -> Vec<String> {
    let text = output(&rig.run(&exec(&["cat", "/proc/self/environ"], more)));
    let mut all: Vec<_> = text.split_terminator('\0').map(str::to_owned).collect();
    all.retain(|pair| !pair.starts_with("QUIETGATE_ACTION="));
    all.sort();
    all
}

#[test]
fn the_environment_is_clean() {
    let rig = Rig::best();
    let home = format!("HOME={}", std::env::var("HOME").unwrap_or("/".into()));
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(environment(&rig, &[]), [&home, "LANG=C.UTF-8", path]);
    let more = [
        ("env", map(&[("HOST", "${target} ${label.vip}"), ("LANG", "de"), ("EMPTY", "")])),
        ("pass", texts(&["CARGO_MANIFEST_DIR", "NO_SUCH_VARIABLE"])),
    ];
    // of this run: a test that was built elsewhere knows another folder
    let manifest =
        format!("CARGO_MANIFEST_DIR={}", std::env::var("CARGO_MANIFEST_DIR").expect("run by cargo"));
    assert_eq!(environment(&rig, &more), [&manifest, "EMPTY=", &home, "HOST=h1 v 1;$(x)", "LANG=de", path]);
}

#[test]
fn files_of_ours_are_closed_and_there_is_nothing_to_read() {
    let rig = Rig::best();
    let shared = File::open("/dev/null").expect("a file");
    rustix::io::fcntl_setfd(&shared, rustix::io::FdFlags::empty()).expect("a file for everyone");
    rig.script("act", "ls /proc/$$/fd; cat; pwd");
    let text = output(&rig.exec(&["./act"]));
    // the shell itself has the script open as 10
    let folder = rig.path("").canonicalize().expect("the folder");
    assert_eq!(text.replace("10\n", ""), format!("0\n1\n2\n{}\n", folder.display()));
    drop(shared);
}

#[test]
fn values_stay_in_their_element() {
    let rig = Rig::best();
    let argv = ["printf", "<%s>", "a b", "${target}", "x${label.vip}", "", "$${target}", "*"];
    let spec = exec(&argv, &[]);
    assert_eq!(output(&rig.run(&spec)), "<a b><h1><xv 1;$(x)><><${target}><*>");
    assert_eq!(
        spec.rendered(&values()).as_deref(),
        Ok(r#"["printf","<%s>","a b","h1","xv 1;$(x)","","${target}","*"]"#)
    );
}

#[test]
fn a_program_lies_relative_to_the_working_directory() {
    let rig = Rig::best();
    std::fs::create_dir(rig.path("sub")).expect("a folder");
    rig.script("sub/act", "pwd");
    let outcome = rig.run(&exec(&["./act"], &[("dir", text("sub"))]));
    assert!(output(&outcome).ends_with("/sub\n"), "{outcome:?}");
}

#[test]
fn a_shell_gets_values_as_variables_only_and_only_where_it_is_allowed() {
    let rig = Rig::best();
    let script = |text: &str| named(&[("script", crate::rig::text(text))]);
    let text = "printf '<%s>' \"$QUIETGATE_TARGET\" \"$QUIETGATE_LABEL_VIP\" \"$QUIETGATE_ATTEMPT\"; x=1; echo \"${x}\"";
    let error = Spec::new("shell", &script(text), Allowed::default()).expect_err("not allowed");
    assert_eq!(error.to_string(), "the config does not allow actions of the kind shell");
    let spec = Spec::new("shell", &script(text), Allowed { shell: true }).expect("a script");
    let outcome = rig.run(&spec);
    assert_eq!((&outcome.end, output(&outcome).as_str()), (&End::Succeeded, "<h1><v 1;$(x)><1>1\n"));
    let rendered = spec.rendered(&values()).expect("good values");
    assert!(
        rendered.starts_with("{\"script\":\"printf")
            && rendered.contains("\"QUIETGATE_LABEL_VIP\":\"v 1;$(x)\"")
    );
    let error =
        Spec::new("shell", &script("echo ${target}"), Allowed { shell: true }).expect_err("not filled in");
    assert!(error.to_string().contains("in place of ${target}"), "{error}");
    let same =
        Values { labels: [("a-b", ""), ("a.b", "")].map(|(k, v)| (k.into(), v.into())).into(), ..values() };
    assert_eq!(spec.rendered(&same), Err(RenderError::SameVariable { name: "QUIETGATE_LABEL_A_B".into() }));
}

#[test]
fn mistakes_in_settings_are_told_before_anything_runs() {
    for (settings, message) in [
        (vec![("argv", texts(&[]))], "argv is an empty list, allowed is a list of texts, at least one"),
        (vec![("argv", texts(&[""]))], "argv: the program has no name"),
        (
            vec![("argv", texts(&["${target}"]))],
            "argv: the program must be fixed: no ${…} in the first element",
        ),
        (
            vec![("argv", texts(&["a", "${host}"]))],
            "argv: unknown name in ${host}, expected one of: target, address, step, run, plan, attempt, label.NAME",
        ),
        (
            vec![("argv", texts(&["a", "${target"]))],
            "argv: a ${ without its } in \"${target\"; $${ is a plain ${",
        ),
        (vec![("argv", texts(&["a", "\0"]))], "argv: a NUL byte, which no program can be given"),
        (
            vec![("argv", texts(&["a"])), ("env", map(&[("LD_PRELOAD", "x")]))],
            "env: LD_PRELOAD is not to be set",
        ),
        (
            vec![("argv", texts(&["a"])), ("pass", texts(&["A=B"]))],
            "pass: \"A=B\" is no name of a variable: letters, digits and _, no digit first",
        ),
    ] {
        match Spec::new("exec", &named(&settings), Allowed::default()) {
            Err(SpecError::Settings(errors)) => {
                assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [message]);
            }
            other => panic!("{message}: {other:?}"),
        }
    }
}

/// A piece of an element: text, or a place with the value that it stands for.
#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Place(&'static str),
}

fn pieces() -> impl Strategy<Value = Vec<Vec<Piece>>> {
    let place = prop::sample::select(vec!["target", "address", "step", "run", "plan", "attempt", "label.x"]);
    let piece = prop_oneof!["[^$\0]{0,6}".prop_map(Piece::Text), place.prop_map(Piece::Place)];
    prop::collection::vec(prop::collection::vec(piece, 0..5), 0..6)
}

proptest! {
    /// Each element written is one element, in which each value stands as it is.
    #[test]
    fn rendering_never_makes_more_elements_and_values_appear_verbatim(
        argv in pieces(),
        texts in prop::collection::vec("[^\0]{0,12}|\\$\\{run\\}|-[a-z] \"'\\\\\n", 6),
        attempt in 1_u32..,
    ) {
        let [run, plan, step, target, address, label] = &texts[..] else { unreachable!("six") };
        let values = Values {
            run: run.clone(), plan: plan.clone(), step: step.clone(), target: target.clone(),
            address: address.clone(), attempt, labels: [("x".to_owned(), label.clone())].into(),
        };
        let value = |name: &str| match name {
            "target" => target.clone(), "address" => address.clone(), "step" => step.clone(), "run" => run.clone(),
            "plan" => plan.clone(), "attempt" => attempt.to_string(), _ => label.clone(),
        };
        let join = |element: &[Piece], of: &dyn Fn(&str) -> String| element.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Place(name) => of(name),
        }).collect::<String>();
        let written: Vec<_> = argv.iter().map(|element| join(element, &|name| format!("${{{name}}}"))).collect();
        let filled: Vec<_> = argv.iter().map(|element| join(element, &value)).collect();
        let all: Vec<&str> = std::iter::once("program").chain(written.iter().map(String::as_str)).collect();
        match exec(&all, &[]).rendered(&values) {
            Ok(json) => {
                let elements: Vec<String> = serde_json::from_str(&json).expect("a list of texts");
                prop_assert_eq!(&elements[1..], &filled[..]);
            }
            Err(error) => {
                prop_assert!(matches!(error, RenderError::LooksLikeOption { .. }), "{error}");
                prop_assert!(written.iter().zip(&filled).any(|(w, f)| f.starts_with('-') && !w.starts_with('-')));
            }
        }
    }
}
