//! `Engine`: the packet loop. Batches come in, `safedns_core::engine` decides, batches go out.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{OwnedFd, RawFd};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use portable_atomic::AtomicU64;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use safedns_core::counters::{Counters, Single, COUNT};
use safedns_core::engine::{Engine as Core, Limits};
use safedns_core::exchange::{Peer, Via};
use safedns_core::forward::StreamQuery;
use safedns_core::pace::Pace;
use safedns_core::ports::MAX_SOCKETS;
use safedns_core::reply::BUFFER;
use safedns_core::upstream::Upstream;

use crate::blocklist::{Blocklist, Lists};
use crate::policy::{address, Policy};
use crate::sockets::{self, Batch, Poll, Ready, BATCH, PACKET};
use crate::system::{descriptor_limit, now, seed, sleep_precisely};

/// Batches per call: then other sockets, streams and timers get their turn.
const ROUNDS: usize = 4;

/// Nanoseconds between two looks at what is due while something is outstanding.
const TICK: i64 = 20_000_000;

/// Packets taken from one upstream socket before the next gets its turn.
const DRAIN: usize = 16;

/// Descriptors left to everything that is not an upstream socket.
const RESERVED_DESCRIPTORS: usize = 48;

/// A listening socket.
struct Listener {
    fd: RawFd,
    /// Its address; None if it listens on all.
    local: Option<IpAddr>,
    wildcard: IpAddr,
}

/// Answers queries.
#[pyclass(unsendable, module = "safedns._native")]
pub struct Engine {
    core: Core<Lists>,
    counters: Counters,
    listeners: Vec<Listener>,
    pace: Pace,
    queries: Batch,
    replies: Batch,
    /// Queries of a batch that take a look-up, by number in the batch.
    later: Vec<(usize, Peer)>,
    stream_buffer: Vec<u8>,
    upstream_buffer: Vec<u8>,
    sockets: Vec<Option<OwnedFd>>,
    poll: Poll,
    ready: Vec<Ready>,
    timer_set: bool,
    stream_replies: Vec<(u64, Vec<u8>)>,
    /// Keeps the counters' memory in place.
    _counters: PyBuffer<u8>,
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (*, counters, cache_size=8 << 20, max_udp_payload=1232, max_outstanding=4096))]
    fn new(counters: PyBuffer<u8>, cache_size: usize, max_udp_payload: u16, max_outstanding: usize) -> PyResult<Self> {
        let array = counter_array(&counters)?;
        if !(512..=PACKET).contains(&usize::from(max_udp_payload)) {
            return Err(PyValueError::new_err(format!(
                "max_udp_payload is {max_udp_payload}, expected 512 to {PACKET} octets"
            )));
        }
        let sockets = descriptor_limit().saturating_sub(RESERVED_DESCRIPTORS).clamp(4, MAX_SOCKETS);
        let limits = Limits { cache: cache_size, payload: max_udp_payload, outstanding: max_outstanding, sockets };
        let counters_view = Counters::new(array);
        sleep_precisely()?;
        Ok(Self {
            core: Core::new(seed()?, counters_view, limits),
            counters: counters_view,
            listeners: Vec::new(),
            pace: Pace::new(now()),
            queries: Batch::new(PACKET),
            replies: Batch::new(usize::from(max_udp_payload).max(BUFFER)),
            later: Vec::with_capacity(BATCH),
            stream_buffer: Vec::new(),
            upstream_buffer: vec![0; PACKET],
            sockets: (0..sockets).map(|_| None).collect(),
            poll: Poll::new()?,
            ready: Vec::with_capacity(BATCH),
            timer_set: false,
            stream_replies: Vec::new(),
            _counters: counters,
        })
    }

    #[getter]
    fn upstream_fd(&self) -> RawFd {
        self.poll.fd()
    }

    #[pyo3(signature = (policy, /))]
    fn set_policy(&mut self, policy: &Policy) {
        self.core.set_policy(Arc::clone(&policy.0));
    }

    #[pyo3(signature = (blocklist, /))]
    fn set_blocklist(&mut self, blocklist: Option<&Blocklist>) -> PyResult<()> {
        if blocklist.is_some_and(|blocklist| !blocklist.trie.bytes().is_sealed()) {
            return Err(PyValueError::new_err("expected a blocklist that is sealed in memory, found an open file"));
        }
        self.core.set_lists(blocklist.map(|blocklist| Arc::clone(&blocklist.trie)));
        Ok(())
    }

    #[pyo3(signature = (addresses, /))]
    #[allow(clippy::needless_pass_by_value)]
    fn set_upstreams(&mut self, addresses: Vec<(String, u16)>) -> PyResult<()> {
        if addresses.len() > 64 {
            return Err(PyValueError::new_err(format!("{} upstreams, expected at most 64", addresses.len())));
        }
        let parse =
            |(host, port): &(String, u16)| Ok(Upstream::new(SocketAddr::new(address(host, "an IP address")?, *port)));
        self.core.set_upstreams(addresses.iter().map(parse).collect::<PyResult<_>>()?);
        // Their sockets are gone too: a slot's socket leads to the upstream that it was opened for.
        self.sockets.iter_mut().for_each(|socket| *socket = None);
        self.flush(now());
        Ok(())
    }

    #[pyo3(signature = (fd, address, /))]
    fn listen(&mut self, fd: RawFd, address: &str) -> PyResult<()> {
        let local: IpAddr = crate::policy::address(address, "an IP address")?;
        let fixed = (!local.is_unspecified()).then_some(local);
        if fixed.is_none() {
            sockets::report_local_addresses(fd, local.is_ipv6())?;
        }
        self.listeners.push(Listener { fd, local: fixed, wildcard: local });
        Ok(())
    }

    #[pyo3(signature = (fd, /))]
    fn receive(&mut self, fd: RawFd) -> PyResult<()> {
        let Some(listener) = self.listeners.iter().position(|listener| listener.fd == fd) else {
            return Err(PyValueError::new_err(format!("descriptor {fd} was not given to listen()")));
        };
        let pause = self.pace.pause();
        if pause > 0 {
            sleep(Duration::from_nanos(pause));
        }
        let mut total = 0;
        for _ in 0..ROUNDS {
            let count = self.receive_batch(listener)?;
            total += count;
            if count < BATCH {
                break;
            }
        }
        self.pace.record(total as u64, now());
        Ok(())
    }

    fn receive_upstream(&mut self) -> PyResult<bool> {
        for _ in 0..ROUNDS {
            let mut ready = std::mem::take(&mut self.ready);
            let polled = self.poll.ready(&mut ready);
            let time = now();
            for event in &ready {
                match event {
                    Ready::Timer => self.tick(time),
                    Ready::Socket(slot) => self.drain_socket(*slot, time),
                }
            }
            let full = ready.len() == BATCH;
            self.ready = ready;
            polled?;
            self.flush(time);
            if !full {
                break;
            }
        }
        Ok(self.has_work())
    }

    #[pyo3(signature = (message, client, local, ticket, /))]
    fn answer<'py>(
        &mut self,
        py: Python<'py>,
        message: &[u8],
        client: &str,
        local: &str,
        ticket: u64,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let peer = Peer {
            via: Via::Stream(ticket),
            address: SocketAddr::new(address(client, "an IP address")?, u16::MAX),
            local: address(local, "an IP address")?,
        };
        let start = now();
        self.stream_buffer.resize(usize::from(u16::MAX), 0);
        let waiting = self.core.waiting();
        let length = self.guarded(|engine| engine.core.query(message, &peer, start, &mut engine.stream_buffer));
        if length == 0 && self.core.waiting() > waiting {
            self.flush(start);
            return Ok(None);
        }
        self.counters.latency(now() - start, 1);
        Ok(Some(PyBytes::new(py, &self.stream_buffer[..length])))
    }

    fn take_replies(&mut self, py: Python<'_>) -> Vec<(u64, Py<PyBytes>)> {
        let replies = self.stream_replies.drain(..);
        replies.map(|(ticket, reply)| (ticket, PyBytes::new(py, &reply).unbind())).collect()
    }

    fn take_exchanges(&mut self, py: Python<'_>) -> Vec<(u64, String, u16, Py<PyBytes>)> {
        let streams = self.core.outbox().streams.drain(..);
        let row = |query: StreamQuery| {
            let message = PyBytes::new(py, &query.message).unbind();
            (query.exchange, query.address.ip().to_string(), query.address.port(), message)
        };
        streams.map(row).collect()
    }

    #[pyo3(signature = (exchange, message, /))]
    fn exchanged(&mut self, exchange: u64, message: Option<&[u8]>) -> bool {
        let time = now();
        self.guarded(|engine| {
            engine.core.stream_response(exchange, message, time);
            0
        });
        self.flush(time);
        self.has_work()
    }

    fn drain(&self) -> usize {
        self.core.waiting()
    }
}

impl Engine {
    /// Receive a batch of queries, answer what can be answered, and send the rest on. Returns how many came.
    fn receive_batch(&mut self, listener: usize) -> io::Result<usize> {
        let Listener { fd, local, wildcard } = self.listeners[listener];
        let count = self.queries.receive(fd, local.is_none())?;
        if count == 0 {
            return Ok(0);
        }
        let start = now();
        let mut answered = 0;
        for index in 0..count {
            let Some(address) = self.queries.source(index) else { continue };
            let local = local.or_else(|| self.queries.local(index)).unwrap_or(wildcard);
            let peer = Peer { via: Via::Udp(listener as u32), address, local };
            let length = self.guarded(|engine| {
                let (packet, buffer) = (engine.queries.packet(index), engine.replies.buffer(answered));
                engine.core.begin(packet, &peer, start, buffer).unwrap_or_else(|| {
                    engine.later.push((index, peer));
                    0
                })
            });
            answered += self.address_reply(answered, length, index);
        }
        self.core.warm();
        let mut later = std::mem::take(&mut self.later);
        for (index, peer) in later.drain(..) {
            let length = self.guarded(|engine| {
                let (packet, buffer) = (engine.queries.packet(index), engine.replies.buffer(answered));
                engine.core.finish(packet, &peer, start, buffer)
            });
            answered += self.address_reply(answered, length, index);
        }
        self.later = later;
        self.replies.send(fd, answered);
        self.flush(start);
        if answered > 0 {
            self.counters.latency(now() - start, answered as u64);
        }
        Ok(count)
    }

    /// Address what was written as the reply to a query; returns how many replies that is.
    fn address_reply(&mut self, reply: usize, length: usize, query: usize) -> usize {
        if length > 0 {
            self.replies.reply(reply, length, &self.queries, query);
        }
        usize::from(length > 0)
    }

    /// Run the core. A panic costs one packet: it is counted, and shows on standard error where it was.
    fn guarded(&mut self, run: impl FnOnce(&mut Self) -> usize) -> usize {
        catch_unwind(AssertUnwindSafe(|| run(self))).unwrap_or_else(|_| {
            self.counters.count(Single::Faults);
            0
        })
    }

    /// Run the timers.
    fn tick(&mut self, time: u64) {
        self.poll.clear_timer();
        self.timer_set = false;
        self.guarded(|engine| {
            engine.core.expire(time);
            0
        });
    }

    /// Take what came to an upstream socket: what is expected there, and if something else came, that alone.
    fn drain_socket(&mut self, slot: u16, time: u64) {
        for round in 0..DRAIN {
            if round > 0 && !self.core.expects(slot) {
                return;
            }
            let Some(socket) = &self.sockets[usize::from(slot)] else { return };
            match sockets::receive(socket, &mut self.upstream_buffer) {
                Ok(None) => return,
                Ok(Some(length)) => self.guarded(|engine| {
                    engine.core.response(slot, &engine.upstream_buffer[..length], time);
                    0
                }),
                Err(_) => self.guarded(|engine| {
                    engine.core.unreachable(slot, time);
                    0
                }),
            };
        }
    }

    /// Send what the core put into its outbox. Sending may fail, which puts more into it; tries are bounded, so it ends.
    fn flush(&mut self, time: u64) {
        loop {
            self.send_replies();
            let failed = self.send_datagrams();
            for slot in self.core.outbox().closes.drain(..) {
                self.sockets[usize::from(slot)] = None;
            }
            self.core.outbox().clear();
            if failed.is_empty() {
                break;
            }
            for slot in failed {
                self.sockets[usize::from(slot)] = None;
                self.core.send_failed(slot, time);
            }
        }
        if !self.timer_set && !self.core.is_idle() {
            self.timer_set = self.poll.set_timer(TICK).is_ok();
        }
        self.core.gauge();
    }

    /// Send replies to clients that waited.
    fn send_replies(&mut self) {
        let outbox = self.core.outbox();
        let mut pending = 0;
        let mut target = 0;
        for (peer, range) in &outbox.replies {
            let reply = &outbox.bytes[range.clone()];
            let listener = match peer.via {
                Via::Stream(ticket) => {
                    self.stream_replies.push((ticket, reply.to_vec()));
                    continue;
                }
                Via::Udp(listener) => listener as usize,
            };
            if pending == BATCH || (pending > 0 && listener != target) {
                self.replies.send(self.listeners[target].fd, pending);
                pending = 0;
            }
            target = listener;
            let from = self.listeners[listener].local.is_none().then_some(peer.local);
            self.replies.buffer(pending)[..reply.len()].copy_from_slice(reply);
            self.replies.address(pending, reply.len(), peer.address, from);
            pending += 1;
        }
        if pending > 0 {
            self.replies.send(self.listeners[target].fd, pending);
        }
    }

    /// Send queries to upstreams; returns the slots that could not.
    fn send_datagrams(&mut self) -> Vec<u16> {
        let mut failed = Vec::new();
        let outbox = self.core.outbox();
        for datagram in &outbox.datagrams {
            let slot = datagram.lease.slot;
            let place = &mut self.sockets[usize::from(slot)];
            if let Some(port) = datagram.lease.open {
                *place = sockets::connect(datagram.address, port).ok();
                if let Some(socket) = place {
                    if self.poll.watch(socket, slot).is_err() {
                        *place = None;
                    }
                }
            }
            let packet = &outbox.bytes[datagram.range.clone()];
            if place.as_ref().is_none_or(|socket| sockets::send(socket, packet).is_err()) {
                failed.push(slot);
            }
        }
        failed
    }

    fn has_work(&mut self) -> bool {
        !self.stream_replies.is_empty() || !self.core.outbox().streams.is_empty()
    }
}

/// The counters' memory as numbers.
fn counter_array(buffer: &PyBuffer<u8>) -> PyResult<&'static [AtomicU64]> {
    let place = buffer.buf_ptr().cast::<AtomicU64>();
    if buffer.readonly() || buffer.len_bytes() < COUNT * 8 || !place.is_aligned() {
        return Err(PyValueError::new_err(format!(
            "counters is a buffer of {} octets, expected a writable one of {} octets aligned to 8",
            buffer.len_bytes(),
            COUNT * 8
        )));
    }
    // SAFETY: the buffer is writable, aligned and long enough (checked above), stays in place as long as the engine holds it
    // (and the slice lives no longer than the engine), and is shared with others only as relaxed 64-bit loads.
    Ok(unsafe { std::slice::from_raw_parts(place, COUNT) })
}
