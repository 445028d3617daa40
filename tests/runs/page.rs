//! The page in a real browser: a run is begun, approved and followed; what is shown is text; and a lost connection is said.

use super::browser::Browser;
use super::fleet::wait;
use super::site::Site;
use quietgate::http::Level;
use serde_json::json;

/// All that a browser says of the page before anybody has signed in: the form is no page that may be seen.
fn is_form(said: &str) -> bool {
    said.contains("401")
}

#[test]
fn a_run_is_begun_approved_and_followed_through_the_page() {
    for (width, height) in [(390, 844), (1440, 900)] {
        let site = Site::new();
        let token = site.token("night shift", Level::Operate);
        site.wait(async {
            let Some(browser) = Browser::new(width, height).await else { return };
            browser.sign_in(&site.base, &token).await;
            browser.go(&site.base, "/plans").await;
            browser.click("[data-key^=start][data-key*='\"b\"']").await;
            browser.type_into("#reason", "change 7").await;
            browser.click("#sure").await;
            browser.click("dialog button.grave").await;
            browser.go(&site.base, "/").await;
            browser.shows("main", "a person must let the step begin").await;
            browser.click("main article h3 a").await;
            browser.shows("main .why", "a person must let the step begin").await;
            browser.press("Approve b").await;
            browser.shows("dialog", "It goes on record").await;
            browser.type_into("#reason", "looks quiet").await;
            browser.click("dialog button.main").await;
            browser.shows("main h1 + .state", "done").await;
            browser.shows("main", "1 of 1 batches passed").await;
            browser.shows("#log", "is done").await;
            let wide = browser.run("return document.documentElement.scrollWidth - innerWidth").await;
            assert_eq!(
                wide.as_i64().map(|more| more <= 0),
                Some(true),
                "it is wider than the screen: {wide}"
            );
            let said = browser.said().await;
            assert!(said.iter().all(|said| is_form(said)), "{said:?}");
            browser.end().await;
        });
        let approval = site.fleet.recorded("the approval", |record| record["kind"] == "approval");
        assert_eq!(approval["reason"], "looks quiet", "{approval}");
    }
}

#[test]
fn a_chart_is_drawn_with_its_band_and_who_may_only_look_can_press_nothing() {
    let site = Site::new();
    let token = site.token("wall", Level::Read);
    let operator = site.token("operator", Level::Operate);
    let run = site.submit(&operator, "b");
    site.fleet.lose("h2", 90.0);
    site.wait(async {
        let Some(browser) = Browser::new(1440, 900).await else { return };
        browser.sign_in(&site.base, &token).await;
        browser.go(&site.base, "/findings").await;
        browser.shows("main", "threshold").await;
        browser.go(&site.base, "/signal/loss?finding=anomalous").await;
        browser.shows("main h1", "loss").await;
        browser.click("main td a").await;
        browser.shows("main h1", "loss{host=\"h2\"}").await;
        browser.shows("main .u-legend", "expected at most").await;
        let drawn = "const c = document.querySelector('.chart canvas'); \
            return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)";
        assert_eq!(browser.run(drawn).await, true);
        browser.go(&site.base, &format!("/run/{run}")).await;
        browser.shows("main .verbs", "Pause").await;
        let enabled = browser.run("return document.querySelectorAll('main button:enabled').length").await;
        assert_eq!(enabled, 0);
        let said = browser.said().await;
        assert!(said.iter().all(|said| is_form(said)), "{said:?}");
        browser.end().await;
    });
}

#[test]
fn whatever_comes_from_hosts_metrics_and_persons_is_text() {
    let markup = "<img src=x onerror=\"document.hacked=1\"><script>document.hacked=1</script>";
    let site = Site::new();
    let token = site.token(&markup[..60], Level::Operate);
    // as a field of CSV
    site.fleet.lose("\"<img src=x onerror=\"\"document.hacked=1\"\">\"", 90.0);
    let run = site.submit(&token, "b");
    let (status, body) =
        site.post(&token, &format!("/api/v1/runs/{run}/pause"), &json!({ "reason": markup }));
    assert_eq!(status, 200, "{body}");
    let (status, body) = site.post(&token, "/api/v1/freeze", &json!({ "reason": markup }));
    assert_eq!(status, 200, "{body}");
    site.fleet.write("plans/odd.yaml", &format!("plan: '{}'\n{markup}: 1\n", markup.replace('\'', "")));
    site.wait(async {
        let Some(browser) = Browser::new(390, 844).await else { return };
        browser.sign_in(&site.base, &token).await;
        for (view, place) in [
            ("/".to_owned(), "main"),
            (format!("/run/{run}"), "main"),
            ("/findings".to_owned(), "main"),
            ("/plans".to_owned(), "main"),
            ("/signal/loss".to_owned(), "main"),
            ("/".to_owned(), "#frozen"),
            ("/".to_owned(), "#log"),
            ("/".to_owned(), "#who"),
        ] {
            browser.go(&site.base, &view).await;
            browser.shows(place, "<img src=x").await;
            let found = browser
                .run("return [document.hacked ?? null, document.querySelectorAll('img').length]")
                .await;
            assert_eq!(found, json!([null, 0]), "{view}");
        }
        let said = browser.said().await;
        assert!(said.iter().all(|said| is_form(said)), "{said:?}");
        browser.end().await;
    });
}

#[test]
fn a_lost_connection_is_said_and_found_again() {
    let mut site = Site::new();
    let token = site.token("operator", Level::Operate);
    let browser = site.wait(async {
        let browser = Browser::new(1440, 900).await?;
        browser.sign_in(&site.base, &token).await;
        browser.shows("main", "No run is under way").await;
        Some(browser)
    });
    let Some(browser) = browser else { return };
    site.kill();
    site.wait(async {
        browser.shows("#lost", "Connection lost since").await;
        let enabled = browser.run("return document.querySelectorAll('main button:enabled').length").await;
        assert_eq!(enabled, 0, "what cannot be done cannot be pressed");
    });
    site.begin();
    let run = wait("the daemon", || Some(site.submit(&token, "b")));
    site.wait(async {
        browser.shows("main", &run).await;
        browser.shows_no("#lost").await;
        browser.shows("#log", &run).await;
        browser.end().await;
    });
}
