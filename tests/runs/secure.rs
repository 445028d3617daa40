//! The API over TLS: whom it trusts, a certificate that is replaced, and what is refused without one.

use super::fleet::{Fleet, step, wait};
use super::site::Site;
use quietgate::http::Level;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::os::unix::fs::PermissionsExt;

/// A certificate for 127.0.0.1 that vouches for itself, and its key.
fn own() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem())
}

fn put(fleet: &Fleet, (cert, key): &(String, String)) {
    fleet.write("key.pem", key);
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(fleet.path("key.pem"), mode).expect("a mode");
    fleet.write("cert.pem", cert);
}

fn fleet(pair: &(String, String)) -> Fleet {
    let fleet = Fleet::new(&step("one", ""));
    put(&fleet, pair);
    fleet
}

#[test]
fn over_tls_the_certificate_is_read_once_more_when_it_is_another() {
    let (first, second) = (own(), own());
    let more = ", tls: {cert_file: cert.pem, key_file: key.pem}";
    let both = format!("{}{}", first.0, second.0);
    let trusting = |builder: reqwest::ClientBuilder| {
        let all = reqwest::Certificate::from_pem_bundle(both.as_bytes()).expect("certificates");
        builder.tls_certs_only(all).tls_info(true)
    };
    let site = Site::on(fleet(&first), "https", more, trusting);
    let token = site.token("me", Level::Read);
    let shown = || {
        let (response, _) = site.send(site.request("GET", "/api/v1/me").bearer_auth(&token));
        assert_eq!(response.status().as_u16(), 200);
        assert!(response.headers().contains_key("strict-transport-security"));
        let info = response.extensions().get::<reqwest::tls::TlsInfo>().expect("TLS");
        info.peer_certificate().expect("a certificate").to_vec()
    };
    let before = shown();
    put(&site.fleet, &second);
    wait("the other certificate", || (shown() != before).then_some(()));
    site.fleet.write("cert.pem", "no certificate");
    shown();
    wait("that it is told", || {
        site.fleet.said("serve.err").contains("the certificate stays as it was").then_some(())
    });
}

#[test]
fn where_certificates_of_clients_are_wanted_nobody_comes_in_without_one() {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an issuer");
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec!["operator".to_owned()]).expect("parameters");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let client = params.signed_by(&key, &issuer).expect("a certificate");
    let pair = own();
    let fleet = fleet(&pair);
    fleet.write("clients.pem", &issuer.pem());
    let more = ", tls: {cert_file: cert.pem, key_file: key.pem, client_ca_file: clients.pem}";
    let identity = reqwest::Identity::from_pem(format!("{}{}", client.pem(), key.serialize_pem()).as_bytes());
    let site = Site::on(fleet, "https", more, |builder| {
        Site::trusting(&pair.0)(builder).identity(identity.expect("an identity"))
    });
    let token = site.token("me", Level::Read);
    assert_eq!(site.get(&token, "/api/v1/me")["token"], "me");
    let stranger = Site::trusting(&pair.0)(reqwest::Client::builder()).build().expect("a client");
    let refused = site.wait(stranger.get(format!("{}/healthz", site.base)).send());
    assert!(refused.is_err(), "{refused:?}");
}

#[test]
fn others_can_reach_it_over_tls_alone_and_a_key_is_not_for_everybody() {
    let fleet = fleet(&own());
    let config = fleet.said("quietgate.yaml");
    fleet.write("quietgate.yaml", &format!("{config}api: {{listen: \"0.0.0.0:7460\"}}\n"));
    let (code, text) = fleet.say(&["serve"]);
    assert_eq!((code, text.contains("which others can reach")), (Some(2), true), "{text}");
    let tls = "api: {listen: \"127.0.0.1:0\", tls: {cert_file: cert.pem, key_file: key.pem}}\n";
    fleet.write("quietgate.yaml", &format!("{config}{tls}"));
    let mode = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(fleet.path("key.pem"), mode).expect("a mode");
    let (code, text) = fleet.say(&["serve"]);
    assert_eq!((code, text.contains("can be used by anybody")), (Some(2), true), "{text}");
}
