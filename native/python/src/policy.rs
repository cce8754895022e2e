//! `Policy`: Python's description of what to do, compiled for the engine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use safedns_core::name::Name;
use safedns_core::policy::{self, Local, Mode, Network, Rule, Special};
use safedns_core::reply::MAX_EXTRA_TEXT;
use safedns_core::verdict::{decide, Verdict};

use crate::blocklist::Blocklist;
use crate::error::not_a_name;

/// An immutable snapshot of what to do with names.
#[pyclass(frozen, module = "safedns._native")]
pub struct Policy(pub Arc<policy::Policy>);

type RuleRow = (u8, u8, u16, String, String);

#[pymethods]
impl Policy {
    #[new]
    #[pyo3(signature = (*, rules, protected=Vec::new(), special=Vec::new(), allowed_clients=Vec::new(),
                        sinkhole_ipv4=None, sinkhole_ipv6=None, block_ttl=10))]
    #[allow(clippy::needless_pass_by_value)]
    fn new(
        rules: Vec<RuleRow>,
        protected: Vec<String>,
        special: Vec<(String, u8)>,
        allowed_clients: Vec<String>,
        sinkhole_ipv4: Option<String>,
        sinkhole_ipv6: Option<String>,
        block_ttl: u32,
    ) -> PyResult<Self> {
        let mut compiled = policy::Policy::default();
        compiled.block_ttl = block_ttl;
        for row in rules {
            compiled.push_rule(rule(row)?);
        }
        for name in &protected {
            compiled.insert_local(&parse_name(name)?, Local::Protected);
        }
        for (name, answer) in &special {
            let answer = match answer {
                0 => Special::NxDomain,
                1 => Special::NoData,
                2 => Special::Loopback,
                other => return Err(PyValueError::new_err(format!("answer {other} of {name:?} is not 0, 1 or 2"))),
            };
            compiled.insert_local(&parse_name(name)?, Local::Special(answer));
        }
        compiled.clients = allowed_clients.iter().map(|text| network(text)).collect::<PyResult<_>>()?;
        compiled.sinkhole_v4 = sinkhole_ipv4.map(|text| address::<Ipv4Addr>(&text, "an IPv4 address")).transpose()?;
        compiled.sinkhole_v6 = sinkhole_ipv6.map(|text| address::<Ipv6Addr>(&text, "an IPv6 address")).transpose()?;
        Ok(Self(Arc::new(compiled)))
    }

    #[pyo3(signature = (name, blocklist, /))]
    fn decide(
        &self,
        name: &str,
        blocklist: Option<&Blocklist>,
    ) -> PyResult<(&'static str, Option<u8>, Option<String>)> {
        let parsed = parse_name(name)?;
        let trie = blocklist.map(|blocklist| &*blocklist.trie);
        let listed = || trie.map_or(0, |trie| usize::from(trie.lookup(&parsed).labels));
        let local = || self.0.local_entry(&parsed).map_or(0, |(_, labels)| labels);
        let (rule, category, labels) = match decide(&self.0, trie, &parsed) {
            Verdict::Special(_) => ("special", None, local()),
            Verdict::Blocked(rule) => ("category", Some(rule.category), listed()),
            Verdict::Allowed(_, false) => ("protected", None, local()),
            Verdict::Allowed(_, true) => ("default", None, listed()),
        };
        Ok((rule, category, (labels > 0).then(|| parsed.ancestor(labels).to_string())))
    }
}

fn rule((category, mode, error, text, structured): RuleRow) -> PyResult<Rule> {
    let mode = match mode {
        0 => Mode::Sinkhole,
        1 => Mode::NxDomain,
        2 => Mode::Null,
        3 => Mode::Refused,
        other => return Err(PyValueError::new_err(format!("answer mode {other} is not 0, 1, 2 or 3"))),
    };
    if category > 63 {
        return Err(PyValueError::new_err(format!("category {category} is not in 0 to 63")));
    }
    if text.len() > MAX_EXTRA_TEXT || structured.len() > MAX_EXTRA_TEXT {
        return Err(PyValueError::new_err(format!("the text of category {category} exceeds {MAX_EXTRA_TEXT} octets")));
    }
    Ok(Rule { category, mode, error, text: text.into_bytes().into(), structured: structured.into_bytes().into() })
}

fn parse_name(text: &str) -> PyResult<Name> {
    Name::parse(text.as_bytes()).map_err(|error| not_a_name(text, error))
}

/// Parse an IP address; `kind` says what was expected.
pub fn address<A: std::str::FromStr>(text: &str, kind: &str) -> PyResult<A> {
    text.parse().map_err(|_| PyValueError::new_err(format!("{text:?} is not {kind}")))
}

fn network(text: &str) -> PyResult<Network> {
    let wrong = || PyValueError::new_err(format!("{text:?} is not a network such as 192.168.0.0/16"));
    let (base, prefix) = text.split_once('/').ok_or_else(wrong)?;
    let base: IpAddr = base.parse().map_err(|_| wrong())?;
    Network::new(base, prefix.parse().map_err(|_| wrong())?).ok_or_else(wrong)
}
