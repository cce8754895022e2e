//! Batched UDP: `recvmmsg`, `sendmmsg`, `epoll` and a timer, with owned buffers. The only system calls of the packet path.

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::system::check;

/// Messages per system call.
pub const BATCH: usize = 64;

/// Octets kept of a packet: no query is longer, and an upstream's answer has at most 1232.
pub const PACKET: usize = 4096;

/// Octets for control messages: one `in6_pktinfo`.
const CONTROL: usize = 64;

/// A batch of datagrams to receive into and send from.
pub struct Batch {
    packets: Vec<u8>,
    size: usize,
    addresses: Vec<libc::sockaddr_storage>,
    controls: Vec<[u64; CONTROL / 8]>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

// SAFETY: the pointers in `vectors` and `headers` only ever point into the same value's other vectors, whose heap blocks do
// not move with it.
unsafe impl Send for Batch {}

impl Batch {
    /// A batch of packets of up to `size` octets.
    pub fn new(size: usize) -> Self {
        // SAFETY: all three are plain C structures for which zero octets are valid.
        let (address, vector, header) = unsafe { (mem::zeroed(), mem::zeroed(), mem::zeroed()) };
        let mut batch = Self {
            packets: vec![0; size * BATCH],
            size,
            addresses: vec![address; BATCH],
            controls: vec![[0; CONTROL / 8]; BATCH],
            vectors: vec![vector; BATCH],
            headers: vec![header; BATCH],
        };
        for index in 0..BATCH {
            batch.vectors[index].iov_base = batch.packets[index * size..].as_mut_ptr().cast();
            let header = &mut batch.headers[index].msg_hdr;
            header.msg_name = (&raw mut batch.addresses[index]).cast();
            header.msg_iov = &raw mut batch.vectors[index];
            header.msg_iovlen = 1;
        }
        batch
    }

    /// Receive what is there, at most `BATCH` packets; with `control`, also on which of our addresses.
    pub fn receive(&mut self, fd: RawFd, control: bool) -> io::Result<usize> {
        for index in 0..BATCH {
            self.vectors[index].iov_len = self.size;
            let header = &mut self.headers[index].msg_hdr;
            header.msg_namelen = mem::size_of::<libc::sockaddr_storage>() as u32;
            header.msg_control = if control { self.controls[index].as_mut_ptr().cast() } else { std::ptr::null_mut() };
            header.msg_controllen = if control { CONTROL } else { 0 };
        }
        // SAFETY: every header points to buffers of this batch with their true sizes.
        let count = unsafe {
            libc::recvmmsg(fd, self.headers.as_mut_ptr(), BATCH as u32, libc::MSG_DONTWAIT, std::ptr::null_mut())
        };
        match check(count) {
            Ok(count) => Ok(count.unsigned_abs() as usize),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Packet `index` of what was received.
    pub fn packet(&self, index: usize) -> &[u8] {
        let length = (self.headers[index].msg_len as usize).min(self.size);
        &self.packets[index * self.size..][..length]
    }

    /// Where packet `index` came from; None for an address family that the sockets here don't have.
    pub fn source(&self, index: usize) -> Option<SocketAddr> {
        read_address(&self.addresses[index])
    }

    /// On which of our addresses packet `index` came in, if control messages were asked for.
    pub fn local(&self, index: usize) -> Option<IpAddr> {
        let header = &raw const self.headers[index].msg_hdr;
        // SAFETY: the kernel filled in the control buffer and its length; the CMSG macros stay inside it, and the data is
        // read unaligned as the structure that its level and type say it is.
        unsafe {
            let message = libc::CMSG_FIRSTHDR(header);
            if message.is_null() {
                return None;
            }
            let data = libc::CMSG_DATA(message);
            match ((*message).cmsg_level, (*message).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info: libc::in_pktinfo = std::ptr::read_unaligned(data.cast());
                    Some(IpAddr::from(info.ipi_addr.s_addr.to_ne_bytes()))
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info: libc::in6_pktinfo = std::ptr::read_unaligned(data.cast());
                    Some(IpAddr::from(info.ipi6_addr.s6_addr))
                }
                _ => None,
            }
        }
    }

    /// Buffer `index`, to write a packet that is sent.
    pub fn buffer(&mut self, index: usize) -> &mut [u8] {
        &mut self.packets[index * self.size..][..self.size]
    }

    /// Address packet `index` of `length` octets as the reply to packet `query` of another batch.
    pub fn reply(&mut self, index: usize, length: usize, queries: &Self, query: usize) {
        self.addresses[index] = queries.addresses[query];
        self.vectors[index].iov_len = length;
        let (from, to) = (&queries.headers[query].msg_hdr, &mut self.headers[index].msg_hdr);
        to.msg_namelen = from.msg_namelen;
        // What says where a packet came in says where its reply leaves from.
        self.controls[index] = queries.controls[query];
        let control = from.msg_controllen > 0;
        to.msg_control = if control { self.controls[index].as_mut_ptr().cast() } else { std::ptr::null_mut() };
        to.msg_controllen = from.msg_controllen;
        if control {
            self.clear_interface(index);
        }
    }

    /// Let routing choose the interface: only the source address of a reply is fixed.
    fn clear_interface(&mut self, index: usize) {
        let header = &raw const self.headers[index].msg_hdr;
        // SAFETY: as in `local`; the buffer was copied whole from one the kernel filled in.
        unsafe {
            let message = libc::CMSG_FIRSTHDR(header);
            if !message.is_null() && (*message).cmsg_level == libc::IPPROTO_IP {
                let data: *mut libc::in_pktinfo = libc::CMSG_DATA(message).cast();
                let mut info = std::ptr::read_unaligned(data);
                info.ipi_ifindex = 0;
                info.ipi_spec_dst = info.ipi_addr;
                std::ptr::write_unaligned(data, info);
            }
        }
    }

    /// Address packet `index` of `length` octets to a client that asked earlier, from one of our addresses.
    pub fn address(&mut self, index: usize, length: usize, to: SocketAddr, from: Option<IpAddr>) {
        let name_length = write_address(&mut self.addresses[index], to);
        self.vectors[index].iov_len = length;
        let header = &mut self.headers[index].msg_hdr;
        header.msg_namelen = name_length;
        header.msg_control = std::ptr::null_mut();
        header.msg_controllen = 0;
        if let Some(from) = from {
            self.write_source(index, from);
        }
    }

    fn write_source(&mut self, index: usize, from: IpAddr) {
        let header = &mut self.headers[index].msg_hdr;
        header.msg_control = self.controls[index].as_mut_ptr().cast();
        header.msg_controllen = CONTROL;
        // SAFETY: the control buffer is aligned and large enough for one header and either structure.
        unsafe {
            let message = libc::CMSG_FIRSTHDR(&raw const *header);
            let data = libc::CMSG_DATA(message);
            let size = match from {
                IpAddr::V4(address) => {
                    let source = libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) };
                    let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: source };
                    (*message).cmsg_level = libc::IPPROTO_IP;
                    (*message).cmsg_type = libc::IP_PKTINFO;
                    std::ptr::write_unaligned(data.cast(), info);
                    mem::size_of::<libc::in_pktinfo>() as u32
                }
                IpAddr::V6(address) => {
                    let source = libc::in6_addr { s6_addr: address.octets() };
                    let info = libc::in6_pktinfo { ipi6_addr: source, ipi6_ifindex: 0 };
                    (*message).cmsg_level = libc::IPPROTO_IPV6;
                    (*message).cmsg_type = libc::IPV6_PKTINFO;
                    std::ptr::write_unaligned(data.cast(), info);
                    mem::size_of::<libc::in6_pktinfo>() as u32
                }
            };
            (*message).cmsg_len = libc::CMSG_LEN(size) as usize;
            header.msg_controllen = libc::CMSG_SPACE(size) as usize;
        }
    }

    /// Send packets 0 to `count`. One that can't be sent (its client is gone, say) is left out.
    pub fn send(&mut self, fd: RawFd, count: usize) {
        let mut sent = 0;
        while sent < count {
            // SAFETY: the headers from `sent` to `count` were filled in above and point into this batch.
            let result = unsafe {
                libc::sendmmsg(fd, self.headers[sent..].as_mut_ptr(), (count - sent) as u32, libc::MSG_DONTWAIT)
            };
            sent += check(result).map_or(1, |some| some.unsigned_abs() as usize);
        }
    }
}

fn read_address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let place = &raw const *storage;
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says which structure the storage holds; it is large and aligned enough for each.
            let address: libc::sockaddr_in = unsafe { *place.cast() };
            let ip = address.sin_addr.s_addr.to_ne_bytes().into();
            Some(SocketAddrV4::new(ip, u16::from_be(address.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let address: libc::sockaddr_in6 = unsafe { *place.cast() };
            let ip = address.sin6_addr.s6_addr.into();
            Some(SocketAddrV6::new(ip, u16::from_be(address.sin6_port), 0, address.sin6_scope_id).into())
        }
        _ => None,
    }
}

fn write_address(storage: &mut libc::sockaddr_storage, address: SocketAddr) -> u32 {
    let place = &raw mut *storage;
    match address {
        SocketAddr::V4(address) => {
            // SAFETY: zero octets are a valid sockaddr_in, and the storage is large and aligned enough for one.
            let mut raw: libc::sockaddr_in = unsafe { mem::zeroed() };
            raw.sin_family = libc::AF_INET as u16;
            raw.sin_port = address.port().to_be();
            raw.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
            // SAFETY: as above.
            unsafe { *place.cast() = raw };
            mem::size_of::<libc::sockaddr_in>() as u32
        }
        SocketAddr::V6(address) => {
            // SAFETY: as above, for sockaddr_in6.
            let mut raw: libc::sockaddr_in6 = unsafe { mem::zeroed() };
            raw.sin6_family = libc::AF_INET6 as u16;
            raw.sin6_port = address.port().to_be();
            raw.sin6_addr.s6_addr = address.ip().octets();
            raw.sin6_scope_id = address.scope_id();
            // SAFETY: as above.
            unsafe { *place.cast() = raw };
            mem::size_of::<libc::sockaddr_in6>() as u32
        }
    }
}

/// Ask the kernel to say on which address packets of a wildcard socket came in.
pub fn report_local_addresses(fd: RawFd, v6: bool) -> io::Result<()> {
    let (level, option) =
        if v6 { (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO) } else { (libc::IPPROTO_IP, libc::IP_PKTINFO) };
    let on: libc::c_int = 1;
    let size = mem::size_of::<libc::c_int>() as u32;
    // SAFETY: the option takes an int, whose place and size are given.
    check(unsafe { libc::setsockopt(fd, level, option, (&raw const on).cast(), size) }).map(drop)
}

/// Open a UDP socket bound to `port` and connected to an upstream. A port in use is replaced by one the kernel picks.
pub fn connect(upstream: SocketAddr, port: u16) -> io::Result<OwnedFd> {
    let family = if upstream.is_ipv6() { libc::AF_INET6 } else { libc::AF_INET };
    let kind = libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: plain numbers; the descriptor is owned from here on.
    let socket = unsafe { OwnedFd::from_raw_fd(check(libc::socket(family, kind, 0))?) };
    // SAFETY: zero octets are a valid sockaddr_storage.
    let mut storage: libc::sockaddr_storage = unsafe { mem::zeroed() };
    let any: IpAddr = if upstream.is_ipv6() { [0_u8; 16].into() } else { [0_u8; 4].into() };
    let length = write_address(&mut storage, SocketAddr::new(any, port));
    // SAFETY: the storage holds an address of this length. Failure leaves the socket unbound: connect(2) then picks a port.
    unsafe { libc::bind(socket.as_raw_fd(), (&raw const storage).cast(), length) };
    let length = write_address(&mut storage, upstream);
    // SAFETY: the storage holds an address of this length.
    check(unsafe { libc::connect(socket.as_raw_fd(), (&raw const storage).cast(), length) })?;
    Ok(socket)
}

/// Send on a connected socket.
pub fn send(socket: &OwnedFd, packet: &[u8]) -> io::Result<()> {
    // SAFETY: the buffer is as long as said.
    let sent = unsafe { libc::send(socket.as_raw_fd(), packet.as_ptr().cast(), packet.len(), libc::MSG_DONTWAIT) };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Receive from a connected socket; None if nothing is there.
pub fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    // SAFETY: the buffer is as long as said.
    let got = unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT) };
    match usize::try_from(got) {
        Ok(length) => Ok(Some(length)),
        Err(_) => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            error => Err(error),
        },
    }
}

/// An epoll set with a timer in it.
pub struct Poll {
    epoll: OwnedFd,
    timer: OwnedFd,
    events: Vec<libc::epoll_event>,
}

/// What is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// The socket in this slot.
    Socket(u16),
    /// The timer.
    Timer,
}

const TIMER: u64 = u64::MAX;

impl Poll {
    /// An empty set.
    pub fn new() -> io::Result<Self> {
        // SAFETY: plain numbers; both descriptors are owned from here on.
        let (epoll, timer) = unsafe {
            let epoll = OwnedFd::from_raw_fd(check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?);
            let flags = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
            (epoll, OwnedFd::from_raw_fd(check(libc::timerfd_create(libc::CLOCK_MONOTONIC, flags))?))
        };
        let poll = Self { epoll, timer, events: vec![libc::epoll_event { events: 0, u64: 0 }; BATCH] };
        poll.add(poll.timer.as_raw_fd(), TIMER)?;
        Ok(poll)
    }

    /// Its descriptor.
    pub fn fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    /// Watch the socket in a slot. Closing it ends that.
    pub fn watch(&self, socket: &OwnedFd, slot: u16) -> io::Result<()> {
        self.add(socket.as_raw_fd(), u64::from(slot))
    }

    fn add(&self, fd: RawFd, number: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: number };
        // SAFETY: the event is valid for the call.
        check(unsafe { libc::epoll_ctl(self.fd(), libc::EPOLL_CTL_ADD, fd, &raw mut event) }).map(drop)
    }

    /// What is ready now, without waiting.
    pub fn ready(&mut self, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        // SAFETY: the kernel writes at most as many events as there is room for.
        let count = unsafe { libc::epoll_wait(self.fd(), self.events.as_mut_ptr(), BATCH as i32, 0) };
        match check(count) {
            Ok(count) => {
                let events = &self.events[..count.unsigned_abs() as usize];
                ready.extend(events.iter().map(|event| match event.u64 {
                    TIMER => Ready::Timer,
                    slot => Ready::Socket(slot as u16),
                }));
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Let the timer ring once, after so many nanoseconds.
    pub fn set_timer(&self, nanoseconds: i64) -> io::Result<()> {
        let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let value = libc::timespec { tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000 };
        let setting = libc::itimerspec { it_interval: zero, it_value: value };
        // SAFETY: the setting is valid for the call; the old one is not asked for.
        let result =
            unsafe { libc::timerfd_settime(self.timer.as_raw_fd(), 0, &raw const setting, std::ptr::null_mut()) };
        check(result).map(drop)
    }

    /// Take note that the timer rang.
    pub fn clear_timer(&self) {
        let mut count = 0_u64;
        // SAFETY: the timer writes eight octets, or nothing if it has not rung.
        unsafe { libc::read(self.timer.as_raw_fd(), (&raw mut count).cast(), 8) };
    }
}
