//! The source `ping` over a cable between two network namespaces: an outage is as long as the link was down, and losses at
//! random are told as they are, for IPv4 and IPv6. Where something cannot be had, that is said.

use crate::ping::{Heard, asked, in_own_namespace, ping};
use crate::servers::wait;
use quietgate::sources::Source;
use std::process::Command;
use std::time::Instant;

/// Milliseconds between two echoes, and of an interval.
const EVERY: &str = "20ms";
const EVERY_MS: f64 = 20.0;
const INTERVAL_MS: i64 = 1_000;
/// Echoes of an interval, at least: the source gives no sample of fewer than eight tenths.
const ECHOES: f64 = 40.0;

/// A shell's words; whether they ended well.
fn done(words: &str) -> bool {
    let output = Command::new("sh").args(["-c", words]).output().expect("a shell");
    output.status.success()
}

/// The other end of a cable: a namespace with a name, ended with the namespace of this test.
struct Far {
    name: String,
    /// Its addresses, of both families where IPv6 is there.
    addresses: Vec<String>,
}

impl Far {
    fn new() -> Option<Self> {
        let name = format!("quietgate-{}", std::process::id());
        let mut far = Self { name, addresses: vec!["198.18.0.2".to_owned()] };
        let made = far.can(
            "ip netns add FAR && ip link add near type veth peer name far netns FAR && ip addr add 198.18.0.1/24 dev near \
             && ip link set near up && ip -n FAR addr add 198.18.0.2/24 dev far && ip -n FAR link set far up",
        );
        if !made {
            println!("skipped: no pair of namespaces with a cable can be made here");
            return None;
        }
        // a link that goes down would lose its addresses of IPv6
        let six = far.can(
            "ip netns exec FAR sh -c 'echo 1 >/proc/sys/net/ipv6/conf/far/keep_addr_on_down' \
             && ip addr add fd51:57::1/64 dev near nodad && ip -n FAR addr add fd51:57::2/64 dev far nodad",
        );
        if six {
            far.addresses.push("fd51:57::2".to_owned());
        } else {
            println!("skipped: IPv6 is not there");
        }
        Some(far)
    }

    /// Whether these words can be done; FAR is its name.
    fn can(&self, words: &str) -> bool {
        done(&words.replace("FAR", &self.name))
    }

    fn does(&self, words: &str) {
        assert!(self.can(words), "{words}");
    }

    /// What pings all its addresses.
    fn pinged(&self) -> Box<dyn Source> {
        ping(&self.addresses, &[("every", EVERY), ("timeout", "500ms")])
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        // the test says what failed
        self.can("ip netns del FAR");
    }
}

/// Waits until the newest interval of every address has this loss.
fn wait_for(source: &dyn Source, what: &str, far: &Far, loss: f64) {
    wait(what, || {
        let answer = asked(source, "loss_ratio", INTERVAL_MS).expect("an answer");
        let newest =
            |series: &quietgate::sources::SeriesSamples| series.samples.last().map(|sample| sample.value);
        let have = answer.series.iter().filter(|series| newest(series) == Some(loss)).count();
        (have == far.addresses.len()).then_some(())
    });
}

#[test]
fn a_link_that_is_down_is_an_outage_as_long_as_it_was() {
    if !in_own_namespace("ping_link::a_link_that_is_down_is_an_outage_as_long_as_it_was") {
        return;
    }
    let Some(far) = Far::new() else { return };
    let source = far.pinged();
    wait_for(&*source, "an interval without loss", &far, 0.0);
    let began = Instant::now();
    far.does("ip -n FAR link set far down");
    let down = Instant::now();
    wait_for(&*source, "an interval of nothing but loss", &far, 1.0);
    let (least, ends) = (down.elapsed(), Instant::now());
    far.does("ip -n FAR link set far up");
    let (mut outage, mut losses) = (Heard::default(), Heard::default());
    let mut hear = || {
        outage.hear(&asked(&*source, "outage_ms", INTERVAL_MS).expect("an answer"));
        losses.hear(&asked(&*source, "outage_losses", INTERVAL_MS).expect("an answer"));
    };
    hear();
    wait_for(&*source, "an interval without loss", &far, 0.0);
    hear();
    // neighbours look for each other again once the link is back
    let most = ends.duration_since(began).as_secs_f64() * 1e3 + 3_000.0;
    // the kernel keeps packets while it looks for a neighbour: those of the last 500 ms are still answered in time
    let fewest = least.as_secs_f64() * 1e3 - 500.0 - 2.0 * EVERY_MS;
    for address in &far.addresses {
        let (ms, count) = (outage.most(address), losses.most(address));
        assert!((fewest..most).contains(&ms), "{address}: {ms} of {fewest} to {most} ms");
        // one that was sent late is as late in the milliseconds
        assert!((count * EVERY_MS - ms).abs() <= 0.1 * ms, "{address}: {count} losses in {ms} ms");
    }
}

/// Begins to lose three in ten at random, by what there is; whether there is anything.
fn loses_at_random(far: &Far) -> bool {
    let netem = "tc qdisc add dev near root netem loss 30%";
    let chain = "nft add table inet t && nft 'add chain inet t in { type filter hook input priority 0; }'";
    let drops = "echo-request numgen random mod 10 '<' 3 drop";
    let tables = format!(
        "ip netns exec FAR sh -c \"{chain} && nft add rule inet t in icmp type {drops} && nft add rule inet t in icmpv6 type {drops}\""
    );
    far.can(netem) || far.can(&tables)
}

#[test]
fn losses_at_random_are_told_within_their_noise_with_the_longest_outage() {
    if !in_own_namespace("ping_link::losses_at_random_are_told_within_their_noise_with_the_longest_outage") {
        return;
    }
    let Some(far) = Far::new() else { return };
    let source = far.pinged();
    wait_for(&*source, "an interval without loss", &far, 0.0);
    if !loses_at_random(&far) {
        return println!(
            "skipped: the kernel has no netem, and nft is not installed, to lose packets at random"
        );
    }
    let mut heard = ["loss_ratio", "outage_losses", "outage_ms"].map(|query| (query, Heard::default()));
    wait("thirty intervals", || {
        for (query, heard) in &mut heard {
            heard.hear(&asked(&*source, query, INTERVAL_MS).expect("an answer"));
        }
        far.addresses.iter().all(|address| heard[2].1.of(address).len() >= 32).then_some(())
    });
    for address in &far.addresses {
        // the first two may have begun before it
        let [loss, losses, ms] = [0, 1, 2].map(|i: usize| heard[i].1.of(address).split_off(2));
        let (echoes, share) = (loss.len() as f64 * ECHOES, loss.iter().sum::<f64>() / loss.len() as f64);
        let noise = 4.0 * (0.3_f64 * 0.7 / echoes).sqrt();
        println!("{address}: {share:.4} were lost, expected 0.3 +- {noise:.4}; outages {losses:?} {ms:?}");
        assert!((share - 0.3).abs() < noise, "{address}: {share} of 0.3 +- {noise}: {loss:?}");
        // of 1,200 echoes and more hardly ever fewer than 3 in a row are lost, and never 25
        let longest = losses.iter().copied().fold(0.0, f64::max);
        assert!((3.0..25.0).contains(&longest), "{address}: {losses:?}");
        // where others keep the machine busy an echo is sent late now and then, and the outage is as much longer
        let is_late = |(losses, ms): &(&f64, &f64)| (*losses * EVERY_MS - *ms).abs() > 5.0 * EVERY_MS;
        let late: Vec<_> = losses.iter().zip(&ms).filter(is_late).collect();
        assert!(late.len() * 10 <= losses.len(), "{address}: losses that took another time: {late:?}");
    }
}
