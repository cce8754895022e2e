//! Measures the compiled blocklist: size, build time, look-up time.
//!
//! `lookup_bench NAMES [CATEGORY=FILE…] [--misses FILE] [--scale N]`
//!
//! NAMES is a file of names, one to a line. Names that are also in a category's FILE get that category (a name may have
//! several), the others category 0. `--misses` is a file of names to look up that are mostly not listed. `--scale`
//! compiles N names instead, recombined from pieces of the real ones. Prints one JSON object. Queries have four labels,
//! are parsed beforehand and come in an order fixed by a seed; each figure is the median of several rounds over all of
//! them. Times are wall clock: pin the process to one idle core.

#![allow(clippy::cast_precision_loss)] // counts here are far below 2^52

use std::collections::HashMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use safedns_core::name::Name;
use safedns_core::trie::{Builder, Scope, Source, Trie, LISTS};

const QUERIES: usize = 500_000;
const ROUNDS: usize = 7;

/// Names that are parsed and then looked up at a time.
const BATCH: usize = 32;

/// `SplitMix64`: the same order on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// What the command line says.
#[derive(Default)]
struct Options {
    names: String,
    categories: Vec<(u8, String)>,
    misses: Option<String>,
    scale: Option<usize>,
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(report) => {
            print_report(&report);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("lookup_bench: {error}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout)] // the report is the product of this program
fn print_report(report: &[(String, f64)]) {
    let lines: Vec<_> = report.iter().map(|(key, value)| format!("  \"{key}\": {value:.3}")).collect();
    println!("{{\n{}\n}}", lines.join(",\n"));
}

fn options() -> Result<Options, String> {
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        if argument == "--misses" {
            options.misses = Some(value()?);
        } else if argument == "--scale" {
            options.scale = Some(value()?.parse().map_err(|_| "--scale needs a number")?);
        } else if let Some((category, file)) = argument.split_once('=') {
            let category = category.parse().map_err(|_| format!("expected CATEGORY=FILE, found {argument}"))?;
            options.categories.push((category, file.into()));
        } else {
            options.names = argument;
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<Vec<(String, f64)>, String> {
    let text = read(&options.names)?;
    let mut names: Vec<&str> = text.lines().collect();
    let recombined;
    if let Some(scale) = options.scale {
        recombined = recombine(&names, scale);
        names = recombined.iter().map(String::as_str).collect();
    }
    let categories = categories(options)?;
    let mut random = Random(1);
    random.shuffle(&mut names);
    let start = Instant::now();
    let (bytes, accepted) = compile(&names, &categories)?;
    let seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let trie = Trie::open(bytes).map_err(|error| error.to_string())?;
    let mut report = vec![
        ("names".into(), accepted as f64),
        ("entries".into(), trie.entries() as f64),
        ("bytes".into(), trie.size() as f64),
        ("bytes_per_name".into(), trie.size() as f64 / accepted as f64),
        ("build_seconds".into(), seconds),
        ("open_milliseconds".into(), start.elapsed().as_secs_f64() * 1e3),
    ];
    let hits = queries(&mut random, &names);
    report.push(("ns_hit".into(), measure(&trie, &hits)));
    report.push(("hit_share".into(), share(&trie, &hits)));
    if let Some(file) = &options.misses {
        let text = read(file)?;
        let misses = queries(&mut random, &text.lines().collect::<Vec<_>>());
        let mut mixed: Vec<_> = hits.lines().take(misses.lines().count() / 4).chain(misses.lines()).collect();
        random.shuffle(&mut mixed);
        report.push(("ns_miss".into(), measure(&trie, &misses)));
        report.push(("miss_share".into(), 1.0 - share(&trie, &misses)));
        report.push(("ns_mixed".into(), measure(&trie, &mixed.join("\n"))));
    }
    Ok(report)
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}

/// Category sets of names that are in the categories' files.
fn categories(options: &Options) -> Result<HashMap<String, u64>, String> {
    let mut sets = HashMap::new();
    for (category, file) in &options.categories {
        for line in read(file)?.lines() {
            let name = line.rsplit([' ', '\t']).next().unwrap_or(line);
            *sets.entry(name.to_ascii_lowercase()).or_insert(0) |= 1_u64 << category;
        }
    }
    Ok(sets)
}

fn compile(names: &[&str], categories: &HashMap<String, u64>) -> Result<(Vec<u8>, usize), String> {
    let sources = (0..64).map(|category| Source { categories: 1 << category, layer: LISTS, allow: false }).collect();
    let mut builder = Builder::new(sources);
    let mut accepted = 0;
    for text in names {
        let Ok(name) = Name::parse(text.as_bytes()) else { continue };
        accepted += 1;
        let set = categories.get(*text).copied().unwrap_or(1);
        for category in (0..64).filter(|category| set >> category & 1 == 1) {
            builder.add(&name, category, Scope::Suffix, false, 1).map_err(|error| error.to_string())?;
        }
    }
    let mut bytes = Vec::new();
    builder.finish(1, &mut bytes, |_, _| Ok(())).map_err(|error| error.to_string())?;
    Ok((bytes, accepted))
}

/// `count` distinct-looking names: the first label of one real name is cut and joined with that of another, and put
/// in front of the rest of a third.
fn recombine(names: &[&str], count: usize) -> Vec<String> {
    let mut random = Random(5);
    let mut all: std::collections::BTreeSet<String> = names.iter().take(count).map(|name| (*name).into()).collect();
    while all.len() < count {
        let mut label = || names[random.below(names.len())].split('.').next().unwrap_or("");
        let (first, second) = (label(), label());
        let rest = names[random.below(names.len())].split_once('.').map_or("com", |(_, rest)| rest);
        let (first, second) = (&first[..first.len().div_ceil(2)], &second[second.len() / 2..]);
        all.insert(format!("{first}{second}.{rest}"));
    }
    all.into_iter().collect()
}

/// Names padded to four labels, the way people's devices ask: `example.com` becomes `cdn.www.example.com`.
fn queries(random: &mut Random, names: &[&str]) -> String {
    let prefixes = ["www", "m", "cdn", "api", "static", "img", "mail", "login", "a1", "s3"];
    let mut pick = |text: &str| {
        let mut text = text.to_string();
        while text.split('.').count() < 4 {
            text = format!("{}.{text}", prefixes[random.below(prefixes.len())]);
        }
        let fits = Name::parse(text.as_bytes()).is_ok_and(|name| name.labels() == 4);
        fits.then_some(text)
    };
    let step = (names.len() / QUERIES).max(1);
    let mut queries: Vec<String> = names.iter().step_by(step).filter_map(|name| pick(name)).take(QUERIES).collect();
    random.shuffle(&mut queries);
    queries.join("\n")
}

/// Nanoseconds per look-up, the median of the rounds.
///
/// Only look-ups are timed. A batch of names is parsed before, because that is how the engine has them: just parsed and
/// in the first-level cache, while half a million parsed names would come from memory and push the blocklist out of the
/// cache.
fn measure(trie: &Trie<Vec<u8>>, queries: &str) -> f64 {
    let mut batch = vec![Name::root(); BATCH];
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let mut seconds = 0.0;
            let mut texts = queries.lines();
            let mut count = 0_u32;
            while let Some(text) = texts.next() {
                let mut parsed = 0;
                for (name, text) in batch.iter_mut().zip(std::iter::once(text).chain(texts.by_ref())) {
                    *name = Name::parse(text.as_bytes()).unwrap_or_else(|_| Name::root());
                    parsed += 1;
                }
                let start = Instant::now();
                for name in &batch[..parsed] {
                    black_box(trie.lookup(black_box(name)));
                }
                seconds += start.elapsed().as_secs_f64();
                count += parsed as u32;
            }
            seconds * 1e9 / f64::from(count)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

/// The part of the queries that are listed.
fn share(trie: &Trie<Vec<u8>>, queries: &str) -> f64 {
    let listed = |text: &&str| Name::parse(text.as_bytes()).is_ok_and(|name| trie.lookup(&name).categories != 0);
    queries.lines().filter(listed).count() as f64 / queries.lines().count() as f64
}
