//! Whom echoes are sent to: a list, or the inventory of a plan.

use super::super::{SourceError, Trouble};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;

/// One host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// As it was written, which is what the label of its series says.
    pub(super) text: String,
    /// What that means.
    pub(super) ip: IpAddr,
}

/// The most bytes of an inventory.
const FILE_MAX: u64 = 64 << 20;

/// The addresses of a list.
///
/// # Errors
/// One that is none, or that is there twice.
pub(super) fn listed(texts: &[String]) -> Result<Vec<Address>, String> {
    let mut known = BTreeSet::new();
    let one = |text: &String| {
        let address = Address { text: text.clone(), ip: host(text)? };
        let is_new = known.insert(address.ip);
        is_new.then_some(address).ok_or_else(|| format!("addresses holds {text:?} twice"))
    };
    texts.iter().map(one).collect()
}

/// The addresses of an inventory in a CSV file, each once: the column `address`, or `name` where there is none.
///
/// # Errors
/// A file that cannot be read, and the first line that names no address.
pub(super) fn of_inventory(path: &Path) -> Result<Vec<Address>, SourceError> {
    let at = path.display().to_string();
    let file = |cause| SourceError::new(at.clone(), Trouble::File { what: "the inventory", cause });
    let mut text = String::new();
    File::open(path).and_then(|open| open.take(FILE_MAX + 1).read_to_string(&mut text)).map_err(file)?;
    if text.len() as u64 > FILE_MAX {
        let cause = std::io::Error::new(std::io::ErrorKind::FileTooLarge, "it has more than 64MiB");
        return Err(file(cause));
    }
    inventory(&text).map_err(|what| SourceError::new(at, Trouble::BadAnswer { what }))
}

fn inventory(text: &str) -> Result<Vec<Address>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let odd = |error: csv::Error| format!("this is not CSV: {error}");
    let header = reader.headers().map_err(odd)?;
    let place = |name| header.iter().position(|column| column == name);
    let columns = (place("address"), place("name"));
    if columns == (None, None) {
        return Err("line 1 has no column address and none called name".to_owned());
    }
    let (mut known, mut addresses) = (BTreeSet::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(odd)?;
        let cell =
            |place: Option<usize>| place.and_then(|place| record.get(place)).filter(|cell| !cell.is_empty());
        let text = cell(columns.0).or_else(|| cell(columns.1)).unwrap_or_default();
        let line = record.position().map_or(0, csv::Position::line);
        let ip = host(text).map_err(|what| format!("line {line}: {what}"))?;
        if known.insert(ip) {
            addresses.push(Address { text: text.to_owned(), ip });
        }
    }
    if addresses.is_empty() { Err("it has no targets".to_owned()) } else { Ok(addresses) }
}

/// The address that `text` is.
fn host(text: &str) -> Result<IpAddr, String> {
    let ip = text.parse().ok().filter(|ip: &IpAddr| {
        let is_of_many = ip.is_multicast() || matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
        let is_mapped =
            matches!(ip, IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() || ip.is_unicast_link_local());
        !is_of_many && !is_mapped && !ip.is_unspecified()
    });
    ip.ok_or_else(|| {
        format!("the address is {text:?}, allowed is an IPv4 or IPv6 address of one host, not a link-local one of IPv6")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(found: Result<Vec<Address>, String>) -> Result<Vec<String>, String> {
        found.map(|addresses| addresses.into_iter().map(|address| address.text).collect())
    }

    fn list(list: &[&str]) -> Result<Vec<String>, String> {
        texts(listed(&list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()))
    }

    #[test]
    fn addresses_are_those_of_hosts() {
        assert_eq!(list(&["10.0.0.1", "2001:DB8::1"]).map(|list| list.len()), Ok(2));
        for bad in [
            "h1",
            "10.0.0",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "ff02::1",
            "fe80::1",
            "::ffff:1.2.3.4",
        ] {
            let message = list(&[bad]).expect_err(bad);
            assert!(message.starts_with(&format!("the address is {bad:?}, allowed is an IPv4")), "{message}");
        }
        assert_eq!(list(&["::1", "0::1"]), Err("addresses holds \"0::1\" twice".to_owned()));
    }

    #[test]
    fn an_inventory_has_addresses_or_names_that_are_some() {
        let of = |text| texts(inventory(text));
        let text = "\u{feff}name,rack,address\nh1,r1,10.0.0.1\n10.0.0.2,r1,\nh3,r2, 10.0.0.1\n";
        assert_eq!(of(text), Ok(vec!["10.0.0.1".to_owned(), "10.0.0.2".to_owned()]));
        assert_eq!(of("name\n10.0.0.3\n"), Ok(vec!["10.0.0.3".to_owned()]));
        let message = of("name,address\nh1,10.0.0.1\nh2,\n").expect_err("a name");
        assert!(message.starts_with("line 3: the address is \"h2\""), "{message}");
        assert_eq!(of("host\na\n"), Err("line 1 has no column address and none called name".to_owned()));
        assert_eq!(of("name\n"), Err("it has no targets".to_owned()));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = of_inventory(Path::new("/nowhere/inventory.csv")).expect_err("no such file");
        assert_eq!(error.to_string(), "/nowhere/inventory.csv: the inventory cannot be read");
    }
}
